import type { Actions } from "../../contracts/bus.ts";
import { messageOf } from "../../lib/errors.ts";
import { auditors, consumers, senders, type Peers } from "./peers.ts";

/** Has every service do now what is due. What is to be done, and how, each of them knows by itself. */
export async function hasten(peers: Peers): Promise<Actions["ops.hasten"]["result"]> {
  const requests: [string, () => Promise<unknown>][] = [
    ...auditors.map((name): [string, () => Promise<unknown>] => [name, () => peers.call(`${name}.hasten`)]),
    ...senders.map((name): [string, () => Promise<unknown>] => [
      `${name} outbox`,
      () => peers.outbox(name, "outboxHasten", {}),
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
  return { hastened, problems };
}
