import { contracts } from "../../../contracts/bus.ts";
import type { DeadLetter } from "../../../contracts/ops.ts";
import { newId } from "../../../lib/ids.ts";
import { peersOver } from "../../../services/ops/peers.ts";
import { compileSchema } from "../../../lib/validator.ts";
import { eventually } from "../../support/wait.ts";
import { startWorld, type World } from "./world.ts";

describe.each(["SQLite", "MySQL"])("dead letters on %s", (store) => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld(store);
  });
  afterAll(() => world.stop());

  const list = (params: { limit?: number; cursor?: string } = {}) =>
    world.node.broker.call("ops.deadLetters", params, world.node.as(world.boss));
  const redrive = (id: string) => world.node.broker.call("ops.redrive", { id }, world.node.as(world.boss));

  /** Buries the events of an order at a consumer, as if they had failed for the last time. */
  const bury = async (consumer: string, orderId: string): Promise<void> => {
    await world
      .db(consumer)
      .execute("UPDATE inbox SET status = 'DEAD', attempts = 20, last_error = 'no stock row' WHERE subject = ?", [
        orderId,
      ]);
  };
  const reviveAll = async (): Promise<void> => {
    for (const consumer of ["inventory", "notify"]) {
      await world.db(consumer).execute("UPDATE inbox SET status = 'APPLIED' WHERE status = 'DEAD'");
    }
  };
  afterEach(reviveAll);

  it("are listed over all consumers, newest first, page by page without a gap", async () => {
    for (const { id } of [world.orders.paid, world.orders.refunded]) {
      await bury("inventory", id);
      await bury("notify", id);
    }
    const whole = await list({ limit: 100 });

    const paged: DeadLetter[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await list({ limit: 2, cursor });
      paged.push(...page.items);
      cursor = page.nextCursor;
    }

    expect(compileSchema(contracts["ops.deadLetters"].result)(whole)).toBe(true);
    expect(whole.items.length).toBeGreaterThan(5);
    expect(paged).toEqual(whole.items);
    expect(new Set(paged.map(({ id, consumer }) => `${id} ${consumer}`)).size).toBe(paged.length);
    const ids = paged.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted().reverse());
    expect(paged[0]).toMatchObject({
      reason: "no stock row",
      attempts: 20,
      event: { subject: expect.any(String) as string },
    });
  });

  it("are tried again from the start, once, however often somebody asks", async () => {
    await bury("inventory", world.orders.paid.id);
    const [letter] = (await list()).items;
    const id = letter?.id ?? "";

    const outcomes = await Promise.allSettled([redrive(id), redrive(id), redrive(id)]);

    const done = outcomes.filter((outcome) => outcome.status === "fulfilled").map(({ value }) => value);
    expect(done).toEqual([{ id, consumers: ["inventory"], status: "WAITING" }]);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: 409, type: "NOT_A_DEAD_LETTER" });
    }
    await eventually(async () => {
      const [row] = await world
        .db("inventory")
        .select<{ status: string; attempts: number }>("SELECT status, attempts FROM inbox WHERE event_id = ?", [id]);
      return row?.status === "APPLIED" && Number(row.attempts) === 0;
    });
    await expect(redrive(id)).rejects.toMatchObject({ code: 409, type: "NOT_A_DEAD_LETTER" });
    expect(await list()).toEqual({ items: [], nextCursor: null });
    const noted = { action: "redrive", target: `event ${id}` } as const;
    const log = await world.node.broker.call("ops.auditLog", { ...noted }, world.node.as(world.boss));
    expect(log.items).toMatchObject([{ ...noted, service: "inventory", actor: world.boss.id, outcome: "done" }]);
  });

  it("are redriven for whoever asked, also where the first answer was lost and the same request asks again", async () => {
    await bury("inventory", world.orders.paid.id);
    const [letter] = (await list()).items;
    const ask = (requestID: string) =>
      peersOver({
        call: (name, ...[params]) => world.node.broker.call(name, params, { requestID }),
      }).inbox("inventory", "redrive", { id: letter?.id ?? "", by: world.boss.id });

    expect([await ask("one"), await ask("one"), await ask("another")]).toEqual([true, true, false]);
  });

  it("change nothing that was applied before", async () => {
    const before = await world.node.broker.call("inventory.get", { sku: world.sku }, world.node.as(world.boss));
    await bury("inventory", world.orders.paid.id);
    await bury("notify", world.orders.paid.id);
    const told = await world.node.broker.call("notify.dossier", { orderId: world.orders.paid.id });

    for (const id of new Set((await list({ limit: 100 })).items.map((letter) => letter.id))) await redrive(id);

    await eventually(async () => {
      const states = await Promise.all(
        (["inventory", "notify"] as const).map((consumer) =>
          world.db(consumer).select("SELECT event_id FROM inbox WHERE status <> 'APPLIED'"),
        ),
      );
      return states.flat().length === 0;
    });
    expect(await world.node.broker.call("inventory.get", { sku: world.sku }, world.node.as(world.boss))).toEqual(
      before,
    );
    const after = await world.node.broker.call("notify.dossier", { orderId: world.orders.paid.id });
    expect(after.map(({ id }) => id)).toEqual(told.map(({ id }) => id));
  });

  it("are none where nobody knows the event", async () => {
    await expect(redrive(newId())).rejects.toMatchObject({ code: 404, type: "NOT_FOUND" });
  });

  it("refuse a cursor that is not theirs", async () => {
    await expect(list({ cursor: "abc" })).rejects.toMatchObject({ code: 422 });
  });

  it("show in the explanation of their order, with the step that gets it on", async () => {
    const { id } = world.orders.paid;
    await bury("inventory", id);

    const explained = await world.node.broker.call("ops.explain", { id }, world.node.as(world.boss));

    expect(compileSchema(contracts["ops.explain"].result)(explained)).toBe(true);
    expect(explained).toMatchObject({
      order: { status: "PAID" },
      reservation: { status: "COMMITTED" },
      payments: [{ status: "SUCCEEDED" }],
      unknown: [],
      nextStep: { action: "redrive", target: (await list()).items[0]?.id },
    });
    expect(explained.events.map(({ type }) => type)).toEqual(["order.created", "payment.succeeded", "order.paid"]);
    expect(explained.answers).toHaveLength(1);
    expect(explained.notifications.length).toBeGreaterThan(0);
  });
});
