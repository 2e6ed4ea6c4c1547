import { archiveOld } from "../../../lib/archive.ts";
import type { Database } from "../../../lib/database.ts";
import { newId } from "../../../lib/ids.ts";
import { migrations } from "../../../services/payments/migrations/index.ts";
import { handledEvents } from "../../../services/payments/provider-events.repository.ts";
import type { ChargeResult } from "../../../services/payments/providers/provider.ts";
import { applyDueEvents } from "../../../services/payments/webhooks.ts";
import { describeStores } from "../../support/stores.ts";
import { facts, ledger, newPayment, resultOf, world, type World } from "./support.ts";

describeStores("the inbox of webhooks", (store) => {
  let db: Database;
  let here: World;

  beforeAll(async () => {
    db = await store().open("payments", migrations);
  });
  beforeEach(async () => {
    await db.execute("DELETE FROM provider_events");
    here = world(db);
  });

  const receive = (charge: ChargeResult | null, eventId = newId()) =>
    here.deps.events.receive("sandbox", { eventId, type: `charge.${charge?.status}`, charge }, here.deps.now());
  const apply = () => applyDueEvents(here.deps);
  const statuses = async () =>
    (await db.select<{ status: string }>("SELECT status FROM provider_events ORDER BY event_id")).map(
      ({ status }) => status,
    );

  it("keeps a message once, of twenty copies at once, and applies it once with three pollers", async () => {
    const asked = newPayment();
    const payment = await here.deps.payments.open(asked, here.deps.now());
    const charge = resultOf({ ...asked, paymentId: asked.id }, "succeeded");
    const eventId = newId();

    await Promise.all(Array.from({ length: 20 }, () => receive(charge, eventId)));
    await Promise.all([apply(), apply(), apply()]);
    await receive(charge, eventId);
    await apply();

    expect(await statuses()).toEqual(["APPLIED"]);
    expect(await ledger(db, payment.orderId)).toEqual([1_000]);
    expect(await facts(db, payment)).toEqual(["payment.succeeded"]);
  });

  it("changes nothing by a message that comes once more when the first was long forgotten", async () => {
    const asked = newPayment();
    const payment = await here.deps.payments.open(asked, here.deps.now());
    const charge = resultOf({ ...asked, paymentId: asked.id }, "succeeded");
    const conflicting = resultOf({ ...asked, amountCents: asked.amountCents + 1, paymentId: asked.id }, "succeeded");
    await receive(charge, "evt_1");
    await apply();
    await receive(conflicting);
    await apply();
    expect(await archiveOld(db, handledEvents, { ageMs: -60_000, limit: 10 })).toMatchObject({ moved: 1 });

    await receive(charge, "evt_1");
    expect(await statuses()).toContain("WAITING");
    await apply();

    expect((await statuses()).sort()).toEqual(["APPLIED", "CONFLICT"]);
    expect(await ledger(db, payment.orderId)).toEqual([1_000]);
    expect(await facts(db, payment)).toEqual(["payment.succeeded"]);
  });

  it("keeps a success whichever order messages come in", async () => {
    const asked = newPayment();
    const payment = await here.deps.payments.open(asked, here.deps.now());
    await receive(resultOf({ ...asked, paymentId: asked.id }, "succeeded"));
    await apply();
    await receive(resultOf({ ...asked, paymentId: asked.id }, "failed"));
    await apply();

    expect(await here.deps.payments.find(payment.id)).toMatchObject({ status: "SUCCEEDED" });
    expect(await statuses()).toEqual(["APPLIED", "APPLIED"]);
  });

  it("waits for the payment of a message that came first", async () => {
    const asked = newPayment();
    await receive(resultOf({ ...asked, paymentId: asked.id }, "succeeded"));
    await apply();
    expect(await statuses()).toEqual(["UNMATCHED"]);

    await here.deps.payments.open(asked, here.deps.now());
    here.pass(500);
    await apply();

    expect(await statuses()).toEqual(["APPLIED"]);
    expect(await here.deps.payments.find(asked.id)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("leaves a message of a payment that never turns up for a person", async () => {
    await receive(resultOf(newPaymentResult(), "succeeded"));
    for (let tries = 0; tries < 30; tries += 1) {
      await apply();
      here.pass(60_000);
    }

    const [row] = await db.select<{ due_at: unknown; attempts: number | string }>("SELECT * FROM provider_events");
    expect(row).toMatchObject({ due_at: null });
    expect(Number(row?.attempts)).toBe(17);
    expect(await statuses()).toEqual(["UNMATCHED"]);
    expect(here.logged).toEqual(["webhook of an unknown payment"]);
  });

  it("marks a message that names another amount as a conflict", async () => {
    const asked = newPayment();
    await here.deps.payments.open(asked, here.deps.now());
    await receive(resultOf({ ...asked, paymentId: asked.id, amountCents: 1 }, "succeeded"));
    await apply();

    expect(await statuses()).toEqual(["CONFLICT"]);
    expect(await here.deps.payments.find(asked.id)).toMatchObject({ status: "PENDING" });
    expect(here.logged).toEqual(["provider contradicts the payment"]);
  });

  it("keeps a message about something else and leaves it at that", async () => {
    await receive(null);
    await apply();
    expect(await statuses()).toEqual(["IGNORED"]);
  });

  it("tries a message again after an error, and applies it in the end", async () => {
    const asked = newPayment();
    await here.deps.payments.open(asked, here.deps.now());
    await receive(resultOf({ ...asked, paymentId: asked.id }, "succeeded"));
    const change = here.deps.payments.change.bind(here.deps.payments);
    here.deps.payments.change = () => Promise.reject(new Error("the disk is full"));
    await apply();
    here.deps.payments.change = change;
    expect(await statuses()).toEqual(["WAITING"]);

    await apply();
    expect(await statuses()).toEqual(["WAITING"]);
    here.pass(500);
    await apply();

    expect(await statuses()).toEqual(["APPLIED"]);
    expect(here.logged).toEqual(["webhook will be tried again", "payment settled"]);
  });
});

const newPaymentResult = () => ({ paymentId: newId(), amountCents: 1, currency: "GBP" });
