import { check, type Case, type Result } from "../../chaos/checker.ts";
import { History } from "../../chaos/history.ts";
import { openLoad, type Load } from "../../chaos/load.ts";
import { runNemesis, type NemesisEvent } from "../../chaos/nemesis.ts";
import { startWorld, type World } from "../../chaos/world.ts";
import { openDatabase } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import { eventually } from "../support/wait.ts";

jest.setTimeout(300_000);

// One of each kind of process and server, and a burst; small, because everything else on this machine goes on.
const only = ["node killed", "database killed", "redis killed", "mail answer lost"];
const seed = 20_261_123;

describe("a short chaos run", () => {
  let world: World;
  let load: Load;
  const history = new History();
  let events: NemesisEvent[] = [];
  const subject = (): Case => ({ world, load, history, events });
  // how long things take says nothing while other tests run on the same machine
  const redIn = ({ verdicts }: Result): string[] =>
    verdicts.flatMap(({ ok, timed, id, examples }) => (ok || timed ? [] : [id, ...examples]));

  beforeAll(async () => {
    world = await startWorld({ nodes: 2, spares: 0, orderTtlSeconds: 5 });
    await eventually(() => world.isWhole(), 120_000);
    load = await openLoad({ ...world, history, seed, ratePerSecond: 10, accounts: 10 });
  }, 180_000);

  afterAll(() => world?.stop(), 60_000);

  it("keeps every promise", async () => {
    load.start();
    events = await runNemesis({ world, load, seed, count: only.length, only, holdFactor: 0.5 });
    await load.stop(60_000);
    const result = await check(subject());

    expect(redIn(result)).toEqual([]);
    expect(events.every(({ wholeAtMs }) => wholeAtMs !== null)).toBe(true);
    expect(result.counts).toMatchObject({ lost: 0, unexpected: 0, duplicated: 0 });
    expect(result.counts.acknowledged).toBeGreaterThan(50);
  });

  it("is red when an order that was told of is gone, and when a person was told of one twice", async () => {
    const [gone] = history.orders.keys();
    const orders = await openDatabase(world.config.store, "orders");
    const notify = await openDatabase(world.config.store, "notify");
    try {
      await orders.execute("UPDATE orders SET id = REVERSE(id) WHERE id = ?", [gone]);
      await notify.execute(
        `INSERT INTO deliveries (id, event_id, user_id, channel, type, order_id, recipient, subject, body, status, due_at, created_at)
         SELECT ?, ?, user_id, channel, type, order_id, recipient, subject, body, status, due_at, created_at
         FROM deliveries WHERE type = 'order.created' LIMIT 1`,
        [newId(), newId()],
      );
    } finally {
      await Promise.all([orders.close(), notify.close()]);
    }
    // the doctor's first word is enough, as it will not change
    const result = await check({ ...subject(), doctorTries: 1 });

    expect(result.ok).toBe(false);
    expect(result.counts.lost).toBe(1);
    expect(redIn(result)).toContainEqual(expect.stringContaining(`${gone} (order-`));
    expect(redIn(result)).toContainEqual(expect.stringMatching(/^two e-mails say that order .* was placed$/));
  });
});
