import type { Http } from "./http.ts";
import { Unexpected } from "./steps.ts";

const tellWithinMs = 10_000;

/** Resolves when the customer was told. */
export type Told = (orderId: string) => Promise<void>;

/**
 * Listens to these people's streams of notifications, as their open pages do, for those of `type`.
 */
export async function notices(http: Http, tokens: readonly string[], type: string): Promise<Told> {
  const waiting = new Map<string, () => void>();
  const early = new Set<string>();
  const onNotice = (orderId: string): void => {
    const tell = waiting.get(orderId);
    if (tell) tell();
    else early.add(orderId);
  };
  await Promise.all(tokens.map((token) => follow(http, token, type, onNotice)));
  return (orderId) => {
    if (early.delete(orderId)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(orderId);
        reject(new Unexpected(`not told of within ${tellWithinMs / 1_000} s`));
      }, tellWithinMs);
      waiting.set(orderId, () => {
        clearTimeout(timer);
        waiting.delete(orderId);
        resolve();
      });
    });
  };
}

async function follow(http: Http, token: string, type: string, onNotice: (orderId: string) => void): Promise<void> {
  let rest = "";
  const headers = ["authorization", `Bearer ${token}`, "accept", "text/event-stream"];
  await http.listen({ method: "GET", path: "/api/v1/notifications/stream", headers }, (text) => {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      if (!block.includes(`"type":"${type}"`)) continue;
      const orderId = /"orderId":"([^"]+)"/.exec(block)?.[1];
      if (orderId !== undefined) onNotice(orderId);
    }
  });
}
