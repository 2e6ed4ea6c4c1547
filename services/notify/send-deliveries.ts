import { messageOf } from "../../lib/errors.ts";
import { reach } from "../../lib/failpoints.ts";
import { groupCommit } from "../../lib/group-commit.ts";
import { newId } from "../../lib/ids.ts";
import { backoffMs, delay } from "../../lib/time.ts";
import type { Channels } from "./channels/index.ts";
import { PermanentFailure } from "./channels/channel.ts";
import type { ClaimedDelivery, DeliveriesRepository } from "./deliveries.repository.ts";
import type { Claim } from "./write-tellings.ts";

export const maxAttempts = 10;

/** How long one message may take; the channel's own time-outs end it earlier unless a server trickles. */
const sendTimeoutMs = 20_000;
/** Longer than a message may take, so that nobody else sends it meanwhile. */
const leaseMs = 30_000;
const longestWaitMs = 3_600_000;

/** The wait after a failed attempt: about 1 s, 4 s, 16 s … up to an hour, three hours in all. */
export const retryDelayMs = (attempts: number, jitter: number): number =>
  backoffMs(2 * attempts, 250, longestWaitMs, jitter);

export interface Sending {
  deliveries: DeliveriesRepository;
  channels: Channels;
  now: () => number;
  /** Runs the sending of a delivery as a part of what it is for. */
  during: <T>(delivery: ClaimedDelivery, work: () => Promise<T>) => Promise<T>;
  onFailure: (delivery: ClaimedDelivery, outcome: { final: boolean; error: string }) => void;
}

export interface Sender {
  /** A claim for what is about to be written, on as much as can be sent without waiting for long. */
  claim: () => Claim;
  /** Takes over what was claimed and committed, for the next pass to send; `left` more wait unclaimed. */
  take: (claimed: readonly ClaimedDelivery[], untilMs: number, left: number) => void;
  /** Sends what was taken over, and else what is due. Answers with whether there may be more at once. */
  pass: () => Promise<boolean>;
}

/**
 * Sends what is due, over and over. A sender that dies between sending and marking sends again after the lease: towards
 * a mail server it is at least once, with one Message-ID.
 */
export function senderOf(sending: Sending): Sender {
  const { deliveries, channels, now } = sending;
  const taken: { delivery: ClaimedDelivery; untilMs: number }[] = [];
  let mayBeMore = false;
  const marking = groupCommit<ClaimedDelivery, void>({
    most: channels.atOnce,
    // no more are claimed at once
    longest: channels.atOnce,
    async run(sent) {
      await deliveries.sent(sent, now());
      return sent.map(() => undefined);
    },
  });

  const send = async (delivery: ClaimedDelivery): Promise<void> => {
    const failure = await failureOf(channels, delivery);
    if (failure === null) {
      await reach("notify.after-send");
      return marking.submit(delivery);
    }
    const final = failure instanceof PermanentFailure || delivery.attempts >= maxAttempts;
    // servers repeat the address, which has no place in a log
    const error = messageOf(failure).replaceAll(delivery.to, "the recipient");
    sending.onFailure(delivery, { final, error });
    if (final) return deliveries.fail(delivery, error, now());
    return deliveries.postpone(delivery, now() + retryDelayMs(delivery.attempts, Math.random()), error);
  };

  /** Those that are held for as long as a message may take; the others come back when their claim ends. */
  const takenOver = (most: number): ClaimedDelivery[] =>
    taken.splice(0, most).flatMap(({ delivery, untilMs }) => (now() + sendTimeoutMs < untilMs ? [delivery] : []));

  const claimDue = async (most: number): Promise<ClaimedDelivery[]> => {
    if (most <= 0 || (taken.length > 0 && !mayBeMore)) return [];
    mayBeMore = false;
    const due = await deliveries.claimDue(most, leaseMs, now());
    if (due.length === most) mayBeMore = true;
    return due;
  };

  return {
    claim: () => ({ id: newId(), untilMs: now() + leaseMs, most: Math.max(0, channels.atOnce - taken.length) }),
    take(claimed, untilMs, left) {
      for (const delivery of claimed) taken.push({ delivery, untilMs });
      if (left > 0) mayBeMore = true;
    },
    async pass() {
      const due = await claimDue(channels.atOnce - taken.length);
      const held = [...takenOver(channels.atOnce - due.length), ...due];
      const outcomes = await Promise.allSettled(held.map((one) => sending.during(one, () => send(one))));
      // what could not be marked comes back when its lease ends; the pass reports it only once all have ended
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      return taken.length > 0 || mayBeMore;
    },
  };
}

/** Sends one message; answers with what went wrong, or null. */
async function failureOf(
  channels: Channels,
  { channel, attempts, id, to, subject, body, html }: ClaimedDelivery,
): Promise<unknown> {
  // counted when claimed: more than the most means that each sender before died of it
  if (attempts > maxAttempts) return new PermanentFailure("every attempt to send it ended without an answer");
  const overdue = new AbortController();
  try {
    const sent = channels.of[channel].send({ id, to, subject, body, html }).then(() => null);
    const timeout = delay(sendTimeoutMs, overdue.signal).then(() => new Error(`no answer within ${sendTimeoutMs} ms`));
    return await Promise.race([sent, timeout]);
  } catch (error) {
    return error;
  } finally {
    overdue.abort();
  }
}
