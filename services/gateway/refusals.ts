import { LRUCache } from "lru-cache";
import type { Bus } from "../../contracts/bus.ts";
import { messageOf, type DomainError } from "../../lib/errors.ts";
import type { WebRequest } from "./web.ts";

const onceIn = { max: 10_000, ttl: 60_000 };
const longestPath = 200;

/**
 * Has `auth` note in its audit log who was refused where, once a minute for the same: somebody who tries for ever must not
 * fill it.
 */
export function refusalNotes(
  bus: Bus,
  logger: { warn(event: string, fields: object): void },
): (request: WebRequest, refusal: DomainError) => void {
  const noted = new LRUCache<string, true>(onceIn);
  return ({ requestId, session, method = "", parsedUrl, $ctx }, { code }) => {
    if (!session) return;
    const path = parsedUrl.slice(0, longestPath);
    const what = `${session.userId} ${method} ${path}`;
    if (noted.has(what)) return;
    noted.set(what, true);
    const { user, clientAddress } = $ctx.meta;
    bus
      .call("auth.refused", { code, method, path }, { requestID: requestId, meta: { user, clientAddress } })
      .catch((error: unknown) =>
        logger.warn("access refused, and not in the audit log", {
          ...{ requestId, user: session.userId, code, method, path },
          error: messageOf(error),
        }),
      );
  };
}
