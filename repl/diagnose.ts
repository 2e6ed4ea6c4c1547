import type { Actions, Bus } from "../contracts/bus.ts";
import type { DoctorReport } from "../contracts/ops.ts";

interface Treatment {
  /** Where something does not hold, has the services do now what is due, and looks again. */
  fix: boolean;
  /** Told what was found at first and what was done about it. */
  onHastened: (before: DoctorReport, result: Actions["ops.hasten"]["result"]) => void;
}

/** The doctor's findings. */
export async function diagnose(bus: Bus, { fix, onHastened }: Treatment): Promise<DoctorReport> {
  const report = await bus.call("ops.doctor", {});
  if (!fix || report.ok) return report;
  onHastened(report, await bus.call("ops.hasten", {}));
  return bus.call("ops.doctor", {});
}

export function hastenedText({ hastened, problems, republished }: Actions["ops.hasten"]["result"]): string {
  return [
    `told to do now what is due: ${hastened.join(", ")}`,
    ...(republished > 0 ? [`events sent once more, because a consumer lacked them: ${republished}`] : []),
    ...problems.map((problem) => `could not be told: ${problem}`),
    "",
    "after that:",
    "",
  ].join("\n");
}
