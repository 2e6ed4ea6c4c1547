import { serviceNames } from "../../contracts/bus.ts";

export interface Readiness {
  status: "ok" | "unavailable";
  /** What is not there: services without a node, what this node has to do first, `draining` while it is being stopped. */
  missing: string[];
}

/** Whether requests can be sent here: every service has a node that runs it, and this node is neither starting nor being stopped. */
export function readiness(
  isAvailable: (service: string) => boolean,
  heldBy: readonly string[],
  draining: boolean,
): Readiness {
  const missing: string[] = [...serviceNames.filter((name) => !isAvailable(name)), ...heldBy];
  if (draining) missing.push("draining");
  return { status: missing.length === 0 ? "ok" : "unavailable", missing };
}
