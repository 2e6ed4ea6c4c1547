import { writeSync } from "node:fs";
import { onReach, type Failpoint, type FailpointName } from "./failpoints.ts";
import { delay } from "./time.ts";

// What failpoints do. Loaded only by a process that was started with FAILPOINTS.

const stderr = 2;

/** Arms these failpoints in this process. Each says so on standard error before it acts. */
export function armFailpoints(points: readonly Failpoint[]): void {
  const reached = new Map<FailpointName, number>();
  onReach(async (name) => {
    const nth = (reached.get(name) ?? 0) + 1;
    reached.set(name, nth);
    const point = points.find((one) => one.name === name && one.nth === nth);
    if (point) await act(point);
  });
}

async function act(point: Failpoint): Promise<void> {
  // at once and not by the logger, which a killed process would not get to write
  writeSync(stderr, announcementOf(point));
  const { name, nth, action } = point;
  if (action.kind === "delay") return delay(action.ms);
  if (action.kind === "throw") throw new FailpointError(name, nth);
  process.kill(process.pid, "SIGKILL");
  // the signal may take a moment, in which nothing more may happen here
  await new Promise(() => {});
}

export const announcementOf = ({ name, nth, action }: Failpoint): string =>
  `failpoint ${name}: ${action.kind} at ${nth}\n`;

/** What a failpoint throws: an error that no caller knows. */
export class FailpointError extends Error {
  constructor(name: FailpointName, nth: number) {
    super(`failpoint ${name} at ${nth}`);
    this.name = "FailpointError";
  }
}
