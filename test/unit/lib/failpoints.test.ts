import { armFailpoints } from "../../../lib/armed-failpoints.ts";
import { reach } from "../../../lib/failpoints.ts";

const armed = [
  { name: "place.after-reserve", nth: 2, action: { kind: "throw" } },
  { name: "place.after-commit", nth: 1, action: { kind: "delay", ms: 30 } },
] as const;

describe("failpoints", () => {
  it("do nothing unless they are armed", () => {
    expect(reach("place.after-reserve")).toBeUndefined();
  });

  it("throw the time they were told to, and only then", async () => {
    armFailpoints(armed);

    await reach("place.after-reserve");
    await expect(reach("place.after-reserve")).rejects.toThrow("failpoint place.after-reserve at 2");
    await reach("place.after-reserve");
    await reach("place.before-commit");
  });

  it("wait as long as they were told to", async () => {
    armFailpoints(armed);
    const startedMs = performance.now();

    await reach("place.after-commit");

    expect(performance.now() - startedMs).toBeGreaterThan(25);
  });
});
