import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { PermanentFailure, type Message } from "../../../services/notify/channels/channel.ts";
import { smsChannel } from "../../../services/notify/channels/sms.ts";
import { deliveriesRepository } from "../../../services/notify/deliveries.repository.ts";
import { migrations } from "../../../services/notify/migrations/index.ts";
import { notificationsRepository } from "../../../services/notify/notifications.repository.ts";
import type { Claim, Told } from "../../../services/notify/write-tellings.ts";
import { maxAttempts, retryDelayMs, senderOf } from "../../../services/notify/send-deliveries.ts";
import type { Outgoing } from "../../../services/notify/telling.ts";
import { describeStores } from "../../support/stores.ts";

describeStores("the sender", (store) => {
  let db: Database;
  let nowMs = 1_700_000_000_000;
  let failure: Error | null = null;
  let sent: string[] = [];
  let failures: { final: boolean; error: string }[] = [];

  beforeAll(async () => {
    db = await store().open("notify", migrations);
  });
  beforeEach(async () => {
    await db.execute("DELETE FROM deliveries");
    failure = null;
    sent = [];
    failures = [];
  });

  const sender = (atOnce = 10) =>
    senderOf({
      deliveries: deliveriesRepository(db),
      channels: {
        atOnce,
        of: {
          email: {
            name: "test",
            send: async ({ id }: Message) => {
              await new Promise(setImmediate);
              if (failure) throw failure;
              sent.push(id);
            },
          },
          sms: smsChannel(),
        },
        close: () => {},
      },
      now: () => nowMs,
      during: (_delivery, work) => work(),
      onFailure: (_delivery, outcome) => failures.push(outcome),
    });
  const queue = async (
    count = 1,
    channel: Outgoing["channel"] = "email",
    claim: Claim | null = null,
  ): Promise<Told> => {
    const tellings = Array.from({ length: count }, () => ({
      eventId: newId(),
      userId: newId(),
      type: "order.paid",
      orderId: null,
      notification: null,
      messages: [{ id: newId(), channel, to: "ann@example.com", subject: "s", body: "b", html: null }],
    }));
    return db.transaction((tx) => notificationsRepository(db).tell(tx, tellings, nowMs, { claim }));
  };
  const rows = () =>
    db.select<{ status: string; attempts: number; last_error: string | null }>(
      "SELECT status, attempts, last_error FROM deliveries ORDER BY id",
    );

  const ids = async () => (await db.select<{ id: string }>("SELECT id FROM deliveries")).map(({ id }) => id);

  it("sends each delivery once, with two senders at work on the same rows", async () => {
    await queue(100);
    const drain = async (pass: () => Promise<boolean>): Promise<void> => {
      while (await pass());
    };

    await Promise.all([drain(sender().pass), drain(sender().pass)]);

    // SKIP LOCKED may end one sender early while the other still holds what is left
    await drain(sender().pass);
    expect(sent).toHaveLength(100);
    expect(new Set(sent).size).toBe(100);
    expect(new Set((await rows()).map(({ status }) => status))).toEqual(new Set(["SENT"]));
  });

  it("tries again after growing delays, and gives up after the tenth failure with its error", async () => {
    await queue();
    failure = new Error("cannot reach ann@example.com");
    const { pass } = sender();

    for (let i = 0; i < 15; i += 1) {
      await pass();
      nowMs += 3_600_000;
    }

    expect(failures).toHaveLength(maxAttempts);
    expect(failures.map(({ final }) => final).indexOf(true)).toBe(maxAttempts - 1);
    expect(failures[0]?.error).toBe("cannot reach the recipient");
    expect(await rows()).toMatchObject([{ status: "FAILED", last_error: "cannot reach the recipient" }]);
  });

  it("sends what failed before once the way is free", async () => {
    await queue();
    failure = new Error("down");
    const { pass } = sender();
    await pass();
    await pass();
    failure = null;
    nowMs += 1_000;

    await pass();

    expect(failures).toHaveLength(1);
    expect(await rows()).toMatchObject([{ status: "SENT", last_error: null }]);
  });

  it("gives up at once on a permanent failure", async () => {
    await queue();
    failure = new PermanentFailure("no such mailbox");

    await sender().pass();

    expect(await rows()).toMatchObject([{ status: "FAILED", last_error: "no such mailbox" }]);
  });

  it("says of an SMS without a gateway that none is configured", async () => {
    await queue(1, "sms");

    await sender().pass();

    expect(await rows()).toMatchObject([{ status: "FAILED", last_error: "no SMS gateway is configured" }]);
  });

  it("gives up on a delivery that ended every sender before it", async () => {
    await queue();
    await db.execute("UPDATE deliveries SET attempts = ?", [maxAttempts]);

    await sender().pass();

    expect(sent).toEqual([]);
    expect(await rows()).toMatchObject([{ status: "FAILED" }]);
  });

  it("sends what it claimed as it was written, which no other takes meanwhile", async () => {
    const [writer, other] = [sender(2), sender()];
    const claim = writer.claim();
    const { claimed, left } = await queue(3, "email", claim);
    writer.take(claimed, claim.untilMs, left);
    await other.pass();
    expect(sent).toHaveLength(1);

    await writer.pass();

    expect(sent.toSorted()).toEqual((await ids()).toSorted());
    expect(await rows()).toEqual(Array(3).fill({ status: "SENT", attempts: 1, last_error: null }));
  });

  it("claims no more than it can send at once", async () => {
    const { claim, take } = sender(2);
    const first = await queue(1, "email", claim());
    take(first.claimed, claim().untilMs, first.left);

    expect(claim().most).toBe(1);
  });

  it("leaves what it held for too long to whoever takes it when the claim ends", async () => {
    const writer = sender();
    const claim = writer.claim();
    const { claimed, left } = await queue(1, "email", claim);
    writer.take(claimed, claim.untilMs, left);
    nowMs += 15_000;
    await writer.pass();
    expect(sent).toEqual([]);

    nowMs = claim.untilMs;
    await sender().pass();

    expect(sent).toEqual(await ids());
  });

  it("says that there is more while batches are full", async () => {
    await queue(3);
    const { pass } = sender(2);

    expect([await pass(), await pass(), await pass()]).toEqual([true, false, false]);
  });
});

describe("the wait between attempts", () => {
  it("grows from a second to an hour", () => {
    const waits = Array.from({ length: 9 }, (_, i) => retryDelayMs(i + 1, 1));

    expect(waits[0]).toBe(1_000);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBe(3_600_000);
    expect(retryDelayMs(1, 0)).toBe(500);
  });
});
