import { logKeepers } from "../../contracts/audit-log.ts";
import type { Actions } from "../../contracts/bus.ts";
import { decodeCursor, toPage } from "../../lib/page.ts";
import type { Peers } from "./peers.ts";

/** The audit logs of all services as one, newest first. */
export async function readAuditLog(
  peers: Peers,
  { limit, cursor, ...filter }: Actions["ops.auditLog"]["params"] & { limit: number },
): Promise<Actions["ops.auditLog"]["result"]> {
  const [before = null] = cursor === undefined ? [] : (decodeCursor(cursor, ["string"]) as string[]);
  const lists = await Promise.all(
    logKeepers.map((keeper) => peers.auditEntries(keeper, { ...filter, before, limit: limit + 1 })),
  );
  return toPage(
    lists.flat().sort((a, b) => (a.id > b.id ? -1 : 1)),
    limit,
    ({ id }) => [id],
    (entry) => entry,
  );
}
