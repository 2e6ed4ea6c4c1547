import { archiveOld, inboxArchive, outboxArchive, type ArchivedTable } from "../../../lib/archive.ts";
import { lowestIdAt, newId } from "../../../lib/ids.ts";
import { deliveriesArchive } from "../../../services/notify/deliveries.repository.ts";
import { examine } from "../../../services/ops/doctor.ts";
import { explainOrder } from "../../../services/ops/explain-order.ts";
import { peersOver } from "../../../services/ops/peers.ts";
import { keysArchive } from "../../../services/orders/answered-keys.ts";
import { handledEvents } from "../../../services/payments/provider-events.repository.ts";
import { eventually } from "../../support/wait.ts";
import { startWorld, type World } from "./world.ts";

const archived: Record<string, readonly ArchivedTable[]> = {
  auth: [inboxArchive],
  users: [outboxArchive],
  inventory: [inboxArchive],
  orders: [outboxArchive, inboxArchive, keysArchive],
  payments: [outboxArchive, handledEvents],
  notify: [inboxArchive, deliveriesArchive],
};

describe.each(["SQLite", "MySQL"])("what has been archived, on %s", (store) => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld(store);
    await eventually(async () => (await report()).ok, 30_000);
  });
  afterAll(() => world.stop());

  const report = () =>
    examine({
      peers: peersOver(world.node.broker),
      now: Date.now,
      depths: null,
      stopping: new AbortController().signal,
      secondLooksAfterMs: [0],
      longestPeakMs: 0,
    });
  const explain = async () => {
    const all = await Promise.all(
      Object.values(world.orders).map(({ id }) => explainOrder(peersOver(world.node.broker), id, Date.now)),
    );
    return JSON.stringify(all);
  };

  it("is to the doctor, to an explanation and to a repeated request as if it were where it was", async () => {
    const { node, ann, sku } = world;
    const key = newId();
    const place = () => {
      const meta = { user: ann, idempotencyKey: key };
      return node.broker.call("orders.place", { items: [{ sku, quantity: 1 }] }, { meta });
    };
    const placed = await place();
    await eventually(async () => (await report()).ok, 30_000);
    const [known, checked] = [await explain(), (await report()).checks.length];

    for (const [service, tables] of Object.entries(archived)) {
      for (const table of tables) {
        const { moved } = await archiveOld(world.db(service), table, { ageMs: -3_600_000, limit: 1_000 });
        expect({ table: table.table, moved }).not.toMatchObject({ table: "outbox", moved: 0 });
      }
    }

    expect(await explain()).toBe(known);
    expect(await report()).toMatchObject({ ok: true });
    expect((await report()).checks).toHaveLength(checked);
    expect(await place()).toEqual(placed);
    expect(await world.db("orders").select("SELECT id FROM outbox")).toEqual([]);
  });

  it("is missed by the doctor when it is taken out of the archive", async () => {
    const db = world.db("inventory");
    const [event] = await db.select<{ event_id: string }>("SELECT event_id FROM inbox_archive LIMIT 1");
    await db.execute("DELETE FROM inbox_archive WHERE event_id = ?", [event?.event_id]);

    const { ok, checks } = await report();

    expect(ok).toBe(false);
    expect(JSON.stringify(checks)).toContain(`${event?.event_id} at inventory`);
  });

  it("went there by the sweep of its service", async () => {
    const id = lowestIdAt(Date.now() - 31 * 86_400_000);
    const db = world.db("users");
    await db.execute("UPDATE outbox_archive SET id = ? WHERE subject = ?", [id, world.ann.id]);
    const columns = outboxArchive.kept.map(([column]) => column).join(", ");
    await db.execute(
      `INSERT INTO outbox (${columns}, due_at) SELECT ${columns}, published_at FROM outbox_archive WHERE id = ?`,
      [id],
    );
    await db.execute("DELETE FROM outbox_archive WHERE id = ?", [id]);

    const users = world.node.broker.getLocalService("users") as unknown as { wakeSweep(name: string): void };
    await eventually(async () => {
      users.wakeSweep("archive");
      return (await db.select("SELECT id FROM outbox_archive WHERE id = ?", [id])).length === 1;
    });

    expect(await db.select("SELECT id FROM outbox WHERE id = ?", [id])).toEqual([]);
  });
});
