import type { Actions } from "../../contracts/bus.ts";
import type { QueueDepth } from "../../contracts/ops.ts";
import { messageOf } from "../../lib/errors.ts";
import { delay } from "../../lib/time.ts";

type Counted = Pick<Actions["ops.outbox"]["result"], "queues" | "queuesProblem">;

/** Whoever asks for outboxes wants to know of them above all when the message broker is away. */
const withinMs = 1_500;

/** How full the queues are, or why that is not known; nothing of either where there is no message broker. */
export async function countQueues(depths: (() => Promise<QueueDepth[]>) | null): Promise<Counted> {
  if (!depths) return { queues: null, queuesProblem: null };
  const counted = new AbortController();
  const late = delay(withinMs, counted.signal).then((): Counted => unknown(`no answer within ${withinMs} ms`));
  const asked = depths().then(
    (queues): Counted => ({ queues, queuesProblem: null }),
    (error: unknown) => unknown(messageOf(error)),
  );
  const answer = await Promise.race([asked, late]);
  counted.abort();
  return answer;
}

const unknown = (why: string): Counted => ({ queues: null, queuesProblem: why });
