import type { CloudEvent } from "../../contracts/events.ts";
import type { Delivery } from "../../contracts/bus.ts";
import { inboxArchiveTable } from "../../lib/archive.ts";
import type { Database } from "../../lib/database.ts";
import { newId } from "../../lib/ids.ts";
import { inboxTable, openInbox, type Inbox } from "../../lib/inbox.ts";
import type { Migration } from "../../lib/migrations.ts";
import { Applying } from "../../mixins/applying.ts";
import { startBroker, type TestBroker } from "../support/broker.ts";
import { describeStores } from "../support/stores.ts";

const migrations: Migration[] = [{ name: "001", up: (t) => [...inboxTable(t), ...inboxArchiveTable(t)] }];
const subjects = 200;

const eventOf = (subject: string, sequence: number): CloudEvent => ({
  specversion: "1.0",
  id: newId(),
  source: "/hub/orders",
  type: "order.completed",
  subject,
  time: new Date().toISOString(),
  datacontenttype: "application/json",
  sequence,
  data: { orderId: subject, customerId: newId() },
});

describeStores("applying events", (store) => {
  let db: Database;
  let node: TestBroker;
  let inbox: Inbox;
  let settlements: number;
  const seen: CloudEvent[] = [];

  const consume = async (event: CloudEvent, delivery: Delivery): Promise<void> => {
    seen.push(event);
    await delivery.settled();
  };

  beforeAll(async () => {
    db = await store().open("orders", migrations);
    node = await startBroker([{ name: "applies", consumes: { "order.completed": consume } } as never]);
  });
  afterAll(() => node.stop());
  beforeEach(() => {
    seen.length = 0;
    settlements = 0;
    const opened = openInbox(db);
    inbox = { ...opened, settle: (ids) => ((settlements += 1), opened.settle(ids)) };
  });

  const applying = (): Applying =>
    new Applying({
      service: node.broker.getLocalService("applies"),
      inbox,
      atOnce: 4,
      onDead: () => Promise.resolve(),
    });

  it("settles those that need nothing done together, however few may be applied at once", async () => {
    const events = Array.from({ length: subjects }, () => eventOf(newId(), 1));
    const waiting = await inbox.receive(events, true);

    await applying().apply(waiting);

    expect(seen).toHaveLength(subjects);
    expect(await inbox.backlog()).toMatchObject({ waiting: 0, dead: 0 });
    // four at a time would be fifty
    expect(settlements).toBeLessThan(10);
  });

  it("has the next event of a subject wait until the one before is settled, and ends when all are", async () => {
    const subject = newId();
    const waiting = await inbox.receive([eventOf(subject, 1), eventOf(subject, 2), eventOf(subject, 3)], true);
    const all = applying();

    const done = all.apply(waiting);
    await all.ended();

    expect(seen.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(settlements).toBe(3);
    expect(await inbox.backlog()).toMatchObject({ waiting: 0 });
    await done;
  });
});
