import fc from "fast-check";
import {
  adjust,
  commit,
  count,
  expire,
  giveBack,
  maxOnHand,
  mergeLines,
  release,
  reservationTransitions,
  reserve,
  type Ask,
  type Level,
  type Reservation,
  type ReservationStatus,
  type Stock,
} from "../../../services/inventory/stock.ts";

const stockOf = (...levels: [sku: string, onHand: number, reserved: number][]): Stock =>
  new Map(levels.map(([sku, onHand, reserved]) => [sku, { sku, onHand, reserved }]));

const askFor = (lines: Ask["lines"], over: Partial<Ask> = {}): Ask => ({
  orderId: "order",
  key: null,
  lines,
  expiresAt: 1_000,
  sequence: 0,
  ...over,
});

const held = (lines: Reservation["lines"], over: Partial<Reservation> = {}): Reservation => ({
  orderId: "order",
  key: null,
  status: "HELD",
  sequence: 0,
  expiresAt: 1_000,
  lines,
  ...over,
});

const refusal = (members: object): Error => expect.objectContaining(members) as Error;

const two = [{ sku: "A", quantity: 2 }];

describe("reserving", () => {
  it("promises every line and leaves what is on hand as it is", () => {
    const stock = stockOf(["A", 5, 1], ["B", 3, 0]);

    const { reservation, levels, ledger } = reserve(null, askFor([...two, { sku: "B", quantity: 3 }]), stock);

    expect(reservation).toMatchObject({ orderId: "order", status: "HELD", expiresAt: 1_000, sequence: 0 });
    expect(levels).toEqual([
      { sku: "A", onHand: 5, reserved: 3 },
      { sku: "B", onHand: 3, reserved: 3 },
    ]);
    expect(ledger).toEqual([]);
  });

  it("names the first line that is short, and what is left of it", () => {
    const lines = [...two, { sku: "B", quantity: 4 }, { sku: "C", quantity: 1 }];

    expect(() => reserve(null, askFor(lines), stockOf(["A", 5, 0], ["B", 3, 1]))).toThrow(
      refusal({ code: "OUT_OF_STOCK", data: { sku: "B", requested: 4, available: 2 } }),
    );
  });

  it("counts a stock code that was never stocked as none", () => {
    expect(() => reserve(null, askFor(two), stockOf())).toThrow(
      refusal({ kind: "conflict", data: { sku: "A", requested: 2, available: 0 } }),
    );
  });

  it("adds up lines of the same stock code before it looks at the stock", () => {
    const lines = [...two, { sku: "B", quantity: 1 }, ...two];

    expect(mergeLines(lines)).toEqual([
      { sku: "A", quantity: 4 },
      { sku: "B", quantity: 1 },
    ]);
    expect(() => reserve(null, askFor(lines), stockOf(["A", 3, 0], ["B", 3, 0]))).toThrow(
      refusal({ data: { sku: "A", requested: 4, available: 3 } }),
    );
  });

  it.each(["HELD", "COMMITTED"] as const)("changes nothing when a %s reservation has the same lines", (status) => {
    const found = held([...two, { sku: "B", quantity: 1 }], { status });

    const change = reserve(found, askFor([{ sku: "B", quantity: 1 }, ...two]), stockOf(["A", 2, 2], ["B", 1, 1]));

    expect(change).toEqual({ reservation: found, levels: [], ledger: [] });
    expect(change.reservation).toBe(found);
  });

  it("keeps a hold that is asked for again by an order that has been revived, with the later time and event", () => {
    const found = held(two, { expiresAt: 1_000, sequence: 0 });

    const { reservation, levels } = reserve(
      found,
      askFor(two, { expiresAt: 5_000, sequence: 2 }),
      stockOf(["A", 2, 2]),
    );

    expect(reservation).toMatchObject({ status: "HELD", expiresAt: 5_000, sequence: 2 });
    expect(levels).toEqual([]);
    expect(release(reservation, 2, stockOf(["A", 2, 2])).reservation.status).toBe("HELD");
  });

  it("never shortens a hold", () => {
    const found = held(two, { expiresAt: 5_000, sequence: 2 });

    expect(reserve(found, askFor(two, { expiresAt: 1_000, sequence: 0 }), stockOf(["A", 2, 2])).reservation).toBe(
      found,
    );
  });

  it("replaces a hold when the request with its key asks for other lines, under the order id it has", () => {
    const found = held(two, { key: "k" });
    const ask = askFor([{ sku: "B", quantity: 1 }], { orderId: "other", key: "k", expiresAt: 2_000 });

    const { reservation, levels } = reserve(found, ask, stockOf(["A", 2, 2], ["B", 1, 0]));

    expect(reservation).toEqual({ ...found, lines: ask.lines, expiresAt: 2_000 });
    expect(levels).toEqual([
      { sku: "A", onHand: 2, reserved: 0 },
      { sku: "B", onHand: 1, reserved: 1 },
    ]);
  });

  it("counts what the replaced hold gives back as available", () => {
    const { levels } = reserve(held(two), askFor([{ sku: "A", quantity: 3 }]), stockOf(["A", 3, 2]));

    expect(levels).toEqual([{ sku: "A", onHand: 3, reserved: 3 }]);
  });

  it("holds again what was released, for a late payment", () => {
    const found = held(two, { status: "RELEASED", sequence: 2 });

    const { reservation, levels } = reserve(
      found,
      askFor(two, { expiresAt: 9_000, sequence: 2 }),
      stockOf(["A", 2, 0]),
    );

    expect(reservation).toMatchObject({ status: "HELD", expiresAt: 9_000, sequence: 2 });
    expect(levels).toEqual([{ sku: "A", onHand: 2, reserved: 2 }]);
  });

  it.each([
    ["COMMITTED", [{ sku: "A", quantity: 1 }]],
    ["RETURNED", two],
  ] as const)("refuses other lines, or any, for a %s reservation", (status, lines) => {
    expect(() => reserve(held(two, { status }), askFor(lines), stockOf(["A", 9, 0]))).toThrow(
      refusal({ code: "RESERVATION_COMMITTED" }),
    );
  });
});

describe("committing", () => {
  it("takes what was held out of the stock, with a ledger row for each line", () => {
    const { reservation, levels, ledger } = commit(held(two), "order", 2, stockOf(["A", 5, 3]));

    expect(reservation).toMatchObject({ status: "COMMITTED", sequence: 2 });
    expect(levels).toEqual([{ sku: "A", onHand: 3, reserved: 1 }]);
    expect(ledger).toEqual([{ sku: "A", delta: -2, kind: "sale", orderId: "order", by: null, reason: null }]);
  });

  it("takes the stock again when the hold was lost", () => {
    const lost = held(two, { status: "RELEASED", sequence: 1 });

    const { reservation, levels } = commit(lost, "order", 2, stockOf(["A", 5, 3]));

    expect(reservation.status).toBe("COMMITTED");
    expect(levels).toEqual([{ sku: "A", onHand: 3, reserved: 3 }]);
  });

  it("refuses when the hold was lost and the stock is gone", () => {
    expect(() => commit(held(two, { status: "RELEASED" }), "order", 2, stockOf(["A", 5, 4]))).toThrow(
      refusal({ code: "OUT_OF_STOCK" }),
    );
  });

  it("refuses when nothing was ever held", () => {
    expect(() => commit(null, "order", 2, stockOf())).toThrow(refusal({ code: "NO_RESERVATION" }));
  });

  it.each(["COMMITTED", "RETURNED"] as const)("does nothing to a %s reservation", (status) => {
    const found = held(two, { status });

    expect(commit(found, "order", 2, stockOf(["A", 5, 3])).reservation).toBe(found);
  });

  it("does nothing when the refund came before the payment's event did", () => {
    const refunded = giveBack(held(two), 3, stockOf(["A", 5, 2]));
    const released = giveBack(held(two, { status: "RELEASED" }), 3, stockOf(["A", 5, 0]));

    expect(refunded.levels).toEqual([{ sku: "A", onHand: 5, reserved: 0 }]);
    for (const { reservation } of [refunded, released]) {
      expect(commit(reservation, "order", 2, stockOf(["A", 5, 0]))).toMatchObject({ levels: [], ledger: [] });
    }
  });
});

describe("releasing", () => {
  it("gives a hold back that is older than the event", () => {
    const { reservation, levels } = release(held(two, { sequence: 1 }), 2, stockOf(["A", 5, 2]));

    expect(reservation.status).toBe("RELEASED");
    expect(levels).toEqual([{ sku: "A", onHand: 5, reserved: 0 }]);
  });

  it.each([2, 3])("leaves a hold that was made at event %i alone when event 2 closed the order", (sequence) => {
    const found = held(two, { sequence });

    expect(release(found, 2, stockOf(["A", 5, 2])).reservation).toBe(found);
  });

  it.each(["COMMITTED", "RELEASED", "RETURNED"] as const)("does nothing to a %s reservation", (status) => {
    const found = held(two, { status });

    expect(release(found, 9, stockOf(["A", 5, 2])).reservation).toBe(found);
    expect(expire(found, 9, stockOf(["A", 5, 2])).reservation).toBe(found);
  });

  it("gives an expired hold back whatever it knew of", () => {
    expect(expire(held(two, { sequence: 2 }), 2, stockOf(["A", 5, 2])).reservation.status).toBe("RELEASED");
  });
});

describe("returning", () => {
  it("puts what was sold on hand again, once", () => {
    const sold = held(two, { status: "COMMITTED" });

    const { reservation, levels, ledger } = giveBack(sold, 3, stockOf(["A", 3, 1]));

    expect(levels).toEqual([{ sku: "A", onHand: 5, reserved: 1 }]);
    expect(ledger).toMatchObject([{ sku: "A", delta: 2, kind: "return" }]);
    expect(giveBack(reservation, 4, stockOf(["A", 5, 1]))).toEqual({ reservation, levels: [], ledger: [] });
  });
});

describe("counting and adjusting", () => {
  const level: Level = { sku: "A", onHand: 5, reserved: 3 };

  it("enters the difference into the ledger, with who and why", () => {
    expect(count(level, 9, "me")).toEqual({
      level: { ...level, onHand: 9 },
      entry: { sku: "A", delta: 4, kind: "count", orderId: null, by: "me", reason: null },
    });
    expect(adjust(level, -2, "me", "broken")).toEqual({
      level: { ...level, onHand: 3 },
      entry: { sku: "A", delta: -2, kind: "adjustment", orderId: null, by: "me", reason: "broken" },
    });
  });

  it("refuses to go below what is reserved", () => {
    const below = refusal({ code: "BELOW_RESERVED", data: { sku: "A", onHand: 2, reserved: 3 } });

    expect(() => count(level, 2, "me")).toThrow(below);
    expect(() => adjust(level, -3, "me", "lost")).toThrow(below);
    expect(() => adjust(level, -9, "me", "lost")).toThrow(refusal({ code: "BELOW_RESERVED" }));
  });

  it("refuses more than can be on hand", () => {
    expect(() => adjust(level, maxOnHand, "me", "typing error")).toThrow(refusal({ code: "TOO_MUCH_STOCK" }));
  });
});

describe("a broken level", () => {
  it("stops the decision that would make it worse", () => {
    expect(() => expire(held(two), 1, stockOf(["A", 5, 1]))).toThrow("unsound stock of A");
    expect(() => expire(held(two), 1, stockOf())).toThrow("no stock row");
  });
});

describe("the reservation's statuses", () => {
  it("can all be reached, and a returned one is final", () => {
    const reached = new Set<ReservationStatus>(["HELD"]);
    for (const status of reached) for (const next of reservationTransitions[status]) reached.add(next);

    expect([...reached].sort()).toEqual(Object.keys(reservationTransitions).sort());
    expect(reservationTransitions.RETURNED).toEqual([]);
  });
});

describe("any sequence of decisions", () => {
  const skus = ["A", "B", "C"];
  const lines = fc.array(fc.record({ sku: fc.constantFrom(...skus), quantity: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 4,
  });
  const step = fc.record({
    action: fc.constantFrom("reserve", "commit", "release", "expire", "giveBack", "count", "adjust"),
    order: fc.constantFrom("1", "2", "3", "4"),
    sku: fc.constantFrom(...skus),
    n: fc.integer({ min: -4, max: 12 }),
    sequence: fc.nat(4),
    lines,
  });

  it("keeps the stock sound, its ledger complete, and its reserved units those of the holds", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const stock = new Map<string, Level>(skus.map((sku) => [sku, { sku, onHand: 8, reserved: 0 }]));
        const sums = new Map(skus.map((sku) => [sku, 8]));
        const reservations = new Map<string, Reservation>();
        for (const one of steps) {
          const change = await attempt(() => decide(one, stock, reservations.get(one.order) ?? null));
          if (change === null) continue;
          for (const level of change.levels) stock.set(level.sku, level);
          for (const { sku, delta } of change.ledger) sums.set(sku, (sums.get(sku) ?? 0) + delta);
          if (change.reservation) reservations.set(one.order, change.reservation);
          const holds = [...reservations.values()].filter(({ status }) => status === "HELD");
          for (const { sku, onHand, reserved } of stock.values()) {
            const promised = holds.flatMap((hold) => hold.lines).filter((line) => line.sku === sku);
            expect(reserved).toBe(promised.reduce((sum, { quantity }) => sum + quantity, 0));
            expect(onHand).toBe(sums.get(sku));
            expect(reserved).toBeLessThanOrEqual(onHand);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
  type Outcome = Omit<ReturnType<typeof reserve>, "reservation"> & { reservation: Reservation | null };

  function decide(one: Step, stock: Stock, found: Reservation | null): Outcome {
    const { action, order, sku, n, sequence } = one;
    const level = stock.get(sku) ?? { sku, onHand: 0, reserved: 0 };
    if (action === "reserve") return reserve(found, askFor(one.lines, { orderId: order, sequence }), stock);
    if (action === "commit") return commit(found, order, sequence, stock);
    if (action === "count" || action === "adjust") {
      const { level: after, entry } = action === "count" ? count(level, n, null) : adjust(level, n, null, "test");
      return { reservation: null, levels: [after], ledger: [entry] };
    }
    if (found === null) return { reservation: null, levels: [], ledger: [] };
    return { release, expire, giveBack }[action](found, sequence, stock);
  }

  /** What was decided; null for a refusal. Any other error is a broken rule and fails the test. */
  const attempt = async (decision: () => Outcome): Promise<Outcome | null> =>
    Promise.resolve()
      .then(decision)
      .catch((error: unknown) => {
        expect(error).toMatchObject({ name: "DomainError", kind: "conflict" });
        return null;
      });
});
