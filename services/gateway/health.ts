import { serviceNames } from "../../contracts/bus.ts";

export interface Readiness {
  status: "ok" | "unavailable";
  /** What is not there: services without a node, and `draining` for a node that is being stopped. */
  missing: string[];
}

/** Whether requests can be sent here: every service has a node that runs it, and this node is not being stopped. */
export function readiness(isAvailable: (service: string) => boolean, draining: boolean): Readiness {
  const missing: string[] = serviceNames.filter((name) => !isAvailable(name));
  if (draining) missing.push("draining");
  return { status: missing.length === 0 ? "ok" : "unavailable", missing };
}
