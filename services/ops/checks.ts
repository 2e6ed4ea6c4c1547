import type { AuditPage, CheckName, Finding } from "../../contracts/audit.ts";
import type { OutboxRow } from "../../contracts/queues.ts";
import type { CountedTypes } from "../../lib/archive.ts";
import { collectFindings, type Findings } from "../../lib/audit.ts";
import type { Clock } from "../../lib/ids.ts";
import { add } from "./findings.ts";
import { moneyMatches, stockMatches } from "./matches.ts";
import { notReceived } from "./not-received.ts";
import { pagesOf, turn } from "./pages.ts";
import { consumers, senders, type Auditor, type Peers, type Sender } from "./peers.ts";

/** Some checks that are made together, page after page with bounded memory. */
export interface Part {
  checks: readonly CheckName[];
  run: () => Promise<Finding[]>;
  /** Whether what was found last may be in motion for longer than most things are. */
  mayBePeak?: () => boolean;
}

export interface CheckDeps {
  peers: Peers;
  now: Clock;
  /** How deep the message broker's queues are; null where there is none. */
  depths: (() => Promise<{ name: string; messages: number }[]>) | null;
  /** How long events may wait for requests to be done; see `lib/giving-way.ts`. */
  longestPeakMs: number;
  /** Aborted when the service stops: a doctor's round must not hold that up. */
  stopping: AbortSignal;
}

const ordersInPage = 500;
const shownLetters = 20;

const checksOf: Record<Auditor, readonly CheckName[]> = {
  inventory: ["stock.levels", "stock.ledger", "stock.holds", "stock.overdue"],
  orders: ["orders.history", "orders.sums", "orders.events", "orders.answers", "orders.deadlines", "orders.refunds"],
  payments: [
    "payments.ledger",
    "payments.once",
    "payments.events",
    "payments.journal",
    "payments.messages",
    "payments.open",
  ],
  notify: ["notify.once", "notify.sequences", "notify.deliveries"],
};

/** Everything the doctor looks at. */
export function partsOf(deps: CheckDeps): Part[] {
  const { peers, depths } = deps;
  const part = (checks: readonly CheckName[], work: (found: Findings) => Promise<unknown>): Part => ({
    checks,
    async run() {
      const found = collectFindings();
      for (const check of checks) found.seeAll(check, 0, []);
      await work(found);
      return found.list();
    },
  });
  return [
    ...Object.entries(checksOf).map(([service, checks]) => ({
      checks,
      run: () => wholeAudit(deps, checks, (cursor) => peers.call(`${service as Auditor}.audit`, cursor)),
    })),
    ...senders.map((sender) => ({
      checks: ["outbox.sequences"] as const,
      run: () => wholeAudit(deps, ["outbox.sequences"], (cursor) => peers.outbox(sender, "outboxAudit", cursor)),
    })),
    part(["orders.payments"], (found) => checkMoney(deps, found)),
    part(["orders.holds"], (found) => checkStock(deps, found)),
    ...senders.map((sender) => part(["events.received"], (found) => checkReceived(deps, sender, found))),
    part(["events.known"], (found) => checkKnown(deps, found)),
    ...senders.map((sender) => outboxAtRest(deps, sender)),
    ...consumers.map((consumer) => ({
      checks: ["inbox.empty", "inbox.dead"] as const,
      run: () => inboxAtRest(peers, consumer),
    })),
    ...(depths ? [part(["queues.empty"], (found) => checkQueues(peers, depths, found))] : []),
  ];
}

async function wholeAudit(
  { stopping }: CheckDeps,
  checks: readonly CheckName[],
  page: (params: { cursor?: string }) => Promise<AuditPage>,
): Promise<Finding[]> {
  const sum = new Map<CheckName, Finding>();
  add(
    sum,
    checks.map((check) => ({ check, checked: 0, violations: 0, examples: [] })),
  );
  for (let cursor: string | null = ""; cursor !== null;) {
    await turn(stopping);
    const { findings, nextCursor }: AuditPage = await page(cursor === "" ? {} : { cursor });
    add(sum, findings);
    cursor = nextCursor;
  }
  return [...sum.values()];
}

async function checkMoney(deps: CheckDeps, found: Findings): Promise<void> {
  const { peers } = deps;
  const orders = pagesOf(
    deps,
    ordersInPage,
    (after) => peers.call("orders.briefs", { after }),
    ({ id }) => id,
  );
  for await (const page of orders) {
    const payments = await peers.call("payments.briefs", { orderIds: page.map(({ id }) => id) });
    const byOrder = Map.groupBy(payments, ({ orderId }) => orderId);
    for (const order of page) {
      found.see("orders.payments", order.id, moneyMatches(order, byOrder.get(order.id) ?? []));
    }
  }
  const payments = pagesOf(
    deps,
    ordersInPage,
    (after) => peers.call("payments.briefs", { after }),
    ({ id }) => id,
  );
  for await (const page of payments) {
    const known = await ordersAmong(peers, page);
    for (const { id, orderId } of page) if (!known.has(orderId)) found.see("orders.payments", id, false);
  }
}

async function checkStock(deps: CheckDeps, found: Findings): Promise<void> {
  const { peers, now } = deps;
  const orders = pagesOf(
    deps,
    ordersInPage,
    (after) => peers.call("orders.briefs", { after }),
    ({ id }) => id,
  );
  for await (const page of orders) {
    const holds = await peers.call("inventory.briefs", { orderIds: page.map(({ id }) => id) });
    const byOrder = new Map(holds.map((hold) => [hold.orderId, hold]));
    for (const order of page) {
      found.see("orders.holds", order.id, stockMatches(order, byOrder.get(order.id), now()));
    }
  }
  const holds = pagesOf(
    deps,
    ordersInPage,
    (after) => peers.call("inventory.briefs", { after }),
    ({ orderId }) => orderId,
  );
  for await (const page of holds) {
    const known = await ordersAmong(peers, page);
    // without an order, a hold runs out by itself; a sale there cannot be
    for (const { orderId, status } of page) {
      const isSold = status === "COMMITTED" || status === "RETURNED";
      if (isSold && !known.has(orderId)) found.see("orders.holds", orderId, false);
    }
  }
}

async function ordersAmong(peers: Peers, rows: readonly { orderId: string }[]): Promise<Set<string>> {
  const orderIds = [...new Set(rows.map(({ orderId }) => orderId))];
  return new Set((await peers.call("orders.briefs", { orderIds })).map(({ id }) => id));
}

async function checkReceived(deps: CheckDeps, sender: Sender, found: Findings): Promise<void> {
  for await (const { consumer, asked, missing } of notReceived(deps, sender)) {
    found.seeAll(
      "events.received",
      asked,
      missing.map((id) => `${id} at ${consumer}`),
    );
  }
}

async function checkKnown({ peers, stopping }: CheckDeps, found: Findings): Promise<void> {
  const all = async (page: (after: string | null) => Promise<CountedTypes>): Promise<Record<string, number>> => {
    const sums: Record<string, number> = {};
    for (let after: string | null | undefined; after !== null;) {
      await turn(stopping);
      const { counts, next }: CountedTypes = await page(after ?? null);
      for (const [type, n] of Object.entries(counts)) sums[type] = (sums[type] ?? 0) + n;
      after = next;
    }
    return sums;
  };
  // those who received first: what is sent in between then only adds to the other side
  const received: [string, Record<string, number>][] = [];
  for (const consumer of consumers) {
    received.push([consumer, await all((after) => peers.inbox(consumer, "inboxCounts", { after }))]);
  }
  const sent = new Map<string, number>();
  for (const sender of senders) {
    const counts = await all((after) => peers.outbox(sender, "outboxCounts", { after }));
    for (const [type, n] of Object.entries(counts)) sent.set(type, n);
  }
  for (const [consumer, counts] of received) {
    const odd = Object.entries(counts).filter(([type, n]) => n > (sent.get(type) ?? 0));
    found.seeAll(
      "events.known",
      Object.values(counts).reduce((sum, n) => sum + n, 0),
      odd.map(([type]) => `${type} at ${consumer}`),
    );
  }
}

function outboxAtRest({ peers, now, longestPeakMs }: CheckDeps, sender: Sender): Part {
  let mayBePeak = false;
  return {
    checks: ["outbox.empty"],
    mayBePeak: () => mayBePeak,
    async run() {
      const { rows, oldest } = await peers.outbox(sender, "outboxState", {});
      const isNew = ({ createdAt, attempts }: OutboxRow): boolean =>
        attempts === 0 && now() - Date.parse(createdAt) < longestPeakMs;
      mayBePeak = oldest.every(isNew);
      return [{ check: "outbox.empty", checked: rows, violations: rows, examples: oldest.map(({ id }) => id) }];
    },
  };
}

async function inboxAtRest(peers: Peers, consumer: (typeof consumers)[number]): Promise<Finding[]> {
  const { waiting, dead, oldestWaiting } = await peers.inbox(consumer, "inboxState", {});
  const letters =
    dead === 0 ? [] : await peers.inbox(consumer, "deadLetters", { before: null, orEqual: false, limit: shownLetters });
  const examples = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => `${id} at ${consumer}`);
  return [
    { check: "inbox.empty", checked: waiting, violations: waiting, examples: examples(oldestWaiting) },
    { check: "inbox.dead", checked: dead, violations: dead, examples: examples(letters) },
  ];
}

async function checkQueues(peers: Peers, depths: NonNullable<CheckDeps["depths"]>, found: Findings): Promise<void> {
  const dead = new Map<string, number>();
  for (const consumer of consumers) {
    const state = await peers.inbox(consumer, "inboxState", {});
    // each dead letter of the inbox has a copy there; more are what could not even be read
    dead.set(`hub.${consumer}.dead`, state.dead);
  }
  for (const { name, messages } of await depths()) {
    found.see("queues.empty", name, messages <= (dead.get(name) ?? 0));
  }
}
