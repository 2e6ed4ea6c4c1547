import type { Charge, StoredOrder } from "../../../chaos/evidence.ts";
import { History, type Kind, type Operation } from "../../../chaos/history.ts";
import type { NemesisEvent } from "../../../chaos/nemesis.ts";

/** A clock that stands still until it is moved. */
export class Clock {
  ms = 1_000_000;
  now = (): number => this.ms;
  /** Moves on. */
  pass(ms: number): void {
    this.ms += ms;
  }
}

/** A history in which things happen one after another. */
export class Past {
  readonly clock = new Clock();
  readonly history = new History({ now: this.clock.now });

  try(operation: Operation, end: { status: number | null; why?: string; tookMs?: number }): void {
    const { status, why = "", tookMs = 10 } = end;
    const one = this.history.invoke(operation, 0);
    this.clock.pass(tookMs);
    if (status !== null && status < 300) this.history.ok(operation, one, status);
    else if (status !== null && status >= 400 && status < 500) this.history.fail(operation, one, status, why);
    else this.history.info(operation, one, status, why);
  }

  do(kind: Kind, ...ends: { status: number | null; why?: string; tookMs?: number }[]): Operation {
    const operation = this.history.begin(kind, { person: 0 });
    for (const end of ends) this.try(operation, end);
    return operation;
  }

  /** An order that its client was told of. */
  placed(id: string, { totalCents = 500, lines = "A*2@250" } = {}): Operation {
    const operation = this.history.begin("place", { person: 0, key: `key-${id}` });
    this.try(operation, { status: 201 });
    this.history.told(operation, { id, totalCents, lines });
    return operation;
  }
}

export const stored = (...orders: Partial<StoredOrder>[]): Map<string, StoredOrder> =>
  new Map(
    orders.map((order) => {
      const id = order.id ?? "one";
      const base: StoredOrder = {
        id,
        key: `key-${id}`,
        status: "PAID",
        lines: "A*2@250",
        units: [{ sku: "A", quantity: 2 }],
        totalCents: 500,
        refundedCents: 0,
        paymentId: `pay-${id}`,
        wasShipped: false,
      };
      return [id, { ...base, ...order }];
    }),
  );

export const charge = (id: string, change: Partial<Charge> = {}): Charge => ({
  paymentId: `pay-${id}`,
  status: "succeeded",
  amountCents: 500,
  refundedCents: 0,
  ...change,
});

export const fault = (change: Partial<NemesisEvent> = {}): NemesisEvent => ({
  number: 1,
  fault: "database killed",
  limits: { recoverWithinMs: 5_000, callMs: 3_000 },
  with: null,
  notes: [],
  startedAtMs: 1_000_000,
  injectedAtMs: 1_000_000,
  healedAtMs: 1_002_000,
  recoveredAtMs: 1_004_000,
  wholeAtMs: 1_004_000,
  error: null,
  ...change,
});
