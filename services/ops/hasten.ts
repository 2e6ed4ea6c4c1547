import type { Actions } from "../../contracts/bus.ts";
import { messageOf } from "../../lib/errors.ts";
import { notReceived } from "./not-received.ts";
import { auditors, consumers, senders, type Peers } from "./peers.ts";

interface HastenDeps {
  peers: Peers;
  stopping: AbortSignal;
}

/**
 * Has every service do now what is due, and send once more what a consumer lacks. What is to be done, and how, each of
 * them knows by itself; an event that is only still under way comes twice, and counts once.
 */
export async function hasten(deps: HastenDeps): Promise<Actions["ops.hasten"]["result"]> {
  const { peers } = deps;
  let republished = 0;
  const requests: [string, () => Promise<unknown>][] = [
    ...auditors.map((name): [string, () => Promise<unknown>] => [name, () => peers.call(`${name}.hasten`)]),
    ...senders.map((name): [string, () => Promise<unknown>] => [
      `${name} outbox`,
      async () => {
        await peers.outbox(name, "outboxHasten", {});
        for await (const { missing } of notReceived(deps, name)) {
          if (missing.length > 0) republished += await peers.outbox(name, "outboxRepublish", { ids: missing });
        }
      },
    ]),
    ...consumers.map((name): [string, () => Promise<unknown>] => [
      `${name} inbox`,
      () => peers.inbox(name, "inboxHasten", {}),
    ]),
  ];
  const hastened: string[] = [];
  const problems: string[] = [];
  for (const [name, request] of requests) {
    try {
      await request();
      hastened.push(name);
    } catch (error) {
      problems.push(`${name}: ${messageOf(error)}`);
    }
  }
  return { hastened, problems, republished };
}
