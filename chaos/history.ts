// What clients saw: each operation with every try of it, in the order of time, in memory and, where asked for, in a file.

export const kinds = [
  "place",
  "pay",
  "cancel",
  "ship",
  "complete",
  "refund",
  "read",
  "notifications",
  "log in",
  "refresh",
  "log out",
  "revoked token",
  "wrong password",
] as const;
export type Kind = (typeof kinds)[number];

/** `ok`: done. `fail`: surely not done, and final. `info`: whether it was done is unknown, or it was put off. */
export type Ending = "ok" | "fail" | "info";

/** One request and its answer. */
export interface Try {
  readonly gateway: number;
  readonly startedAtMs: number;
  /** Null while it is under way. */
  tookMs: number | null;
  ending: Ending | null;
  /** Null when there was no answer. */
  status: number | null;
  /** The problem's code, or why there was no answer. */
  why: string | null;
}

/** Something a client wants done, by as many tries as it takes; they all have the same key. */
export interface Operation {
  readonly id: number;
  readonly kind: Kind;
  /** The index of the account, -1 for the administrator. */
  readonly person: number;
  readonly key: string | null;
  /** The order it is about, once known. */
  order: string | null;
  readonly startedAtMs: number;
  readonly tries: Try[];
  /** `fail` is final; `open` at the end means that nobody ever learned what became of it. */
  outcome: "open" | "ok" | "fail";
}

/** An order as its client was told of it. */
export interface ToldOrder {
  id: string;
  operation: Operation;
  totalCents: number;
  /** As `linesOf` writes them. */
  lines: string;
}

/** One key, two orders. */
export interface Conflict {
  operation: Operation;
  orders: [string, string];
}

export interface Listener {
  (operation: Operation, one: Try): void;
}

export interface HistoryOptions {
  /** Gets each event as a line of JSON. */
  write?: (line: string) => void;
  now?: () => number;
}

const noAnswer = "ECONNREFUSED";

/** Nothing was sent: there was nobody to send it to. */
export const wasRefused = ({ why }: Try): boolean => why === noAnswer;

/** An answer that says yes, or no for good. */
export const isAnswered = ({ ending }: Try): boolean => ending === "ok" || ending === "fail";

/** Lines of an order in a form that can be compared: sorted by stock code. */
export const linesOf = (lines: readonly { sku: string; quantity: number; unitPriceCents: number }[]): string =>
  lines
    .map(({ sku, quantity, unitPriceCents }) => `${sku}*${quantity}@${unitPriceCents}`)
    .sort()
    .join(" ");

export class History {
  readonly operations: Operation[] = [];
  readonly orders = new Map<string, ToldOrder>();
  readonly conflicts: Conflict[] = [];
  readonly #listeners = new Set<Listener>();
  readonly #write: ((line: string) => void) | null;
  readonly #now: () => number;
  #tries = 0;

  constructor({ write, now = Date.now }: HistoryOptions = {}) {
    this.#write = write ?? null;
    this.#now = now;
  }

  get tries(): number {
    return this.#tries;
  }

  /** Tells of each try that ends, until the function it answers with is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  begin(kind: Kind, { person, key = null, order = null }: Pick<Operation, "person"> & Partial<Operation>): Operation {
    const operation: Operation = {
      id: this.operations.length,
      kind,
      person,
      key,
      order,
      startedAtMs: this.#now(),
      tries: [],
      outcome: "open",
    };
    this.operations.push(operation);
    return operation;
  }

  invoke(operation: Operation, gateway: number): Try {
    const one: Try = { gateway, startedAtMs: this.#now(), tookMs: null, ending: null, status: null, why: null };
    operation.tries.push(one);
    this.#tries += 1;
    const { id, kind, person, key, order } = operation;
    this.#tell({
      at: one.startedAtMs,
      type: "invoke",
      op: id,
      try: operation.tries.length,
      kind,
      person,
      key,
      order,
      gateway,
    });
    return one;
  }

  ok(operation: Operation, one: Try, status: number): void {
    operation.outcome = "ok";
    this.#end(operation, one, { ending: "ok", status, why: null });
  }

  fail(operation: Operation, one: Try, status: number, why: string): void {
    // one copy of a request may be refused when another was granted
    if (operation.outcome === "open") operation.outcome = "fail";
    this.#end(operation, one, { ending: "fail", status, why });
  }

  info(operation: Operation, one: Try, status: number | null, why: string): void {
    this.#end(operation, one, { ending: "info", status, why });
  }

  /** A client was told of its order. */
  told(operation: Operation, order: Omit<ToldOrder, "operation">): void {
    if (operation.order !== null && operation.order !== order.id) {
      this.conflicts.push({ operation, orders: [operation.order, order.id] });
    }
    operation.order ??= order.id;
    if (!this.orders.has(order.id)) this.orders.set(order.id, { ...order, operation });
  }

  #end(operation: Operation, one: Try, end: Pick<Try, "ending" | "status" | "why">): void {
    Object.assign(one, end);
    const atMs = this.#now();
    one.tookMs = atMs - one.startedAtMs;
    const { ending, status, why } = end;
    this.#tell({ at: atMs, type: ending, op: operation.id, try: operation.tries.indexOf(one) + 1, status, why });
    for (const listener of this.#listeners) listener(operation, one);
  }

  #tell(event: object): void {
    this.#write?.(`${JSON.stringify(event)}\n`);
  }
}
