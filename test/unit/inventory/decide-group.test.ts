import fc from "fast-check";
import { decideGroup, type Request } from "../../../services/inventory/decide-group.ts";
import {
  commit,
  release,
  reserve,
  type LedgerEntry,
  type Level,
  type Reservation,
} from "../../../services/inventory/stock.ts";

/** What is stored, and what each request was answered; writing refuses what the tables would. */
function storeOf(levels: readonly Level[]) {
  const stock = new Map(levels.map((level) => [level.sku, level]));
  const reservations = new Map<string, Reservation>();
  const ledger: LedgerEntry[] = [];
  const run = (requests: readonly Request[]) => {
    const decided = decideGroup(requests, [...reservations.values()], stock);
    for (const { orderId, key } of decided.inserted) {
      expect(reservations.has(orderId)).toBe(false);
      expect([...reservations.values()].some((other) => key !== null && other.key === key)).toBe(false);
    }
    for (const { orderId } of decided.updated) expect(reservations.has(orderId)).toBe(true);
    for (const one of [...decided.inserted, ...decided.updated]) reservations.set(one.orderId, one);
    for (const level of decided.levels) stock.set(level.sku, level);
    ledger.push(...decided.ledger);
    return decided.answers;
  };
  return { stock, reservations, ledger, run };
}

const asked = (orderId: string, sku: string, quantity: number, key: string | null = null): Request => ({
  wanted: { orderId, key, skus: [sku] },
  decide: (found, stock) =>
    reserve(found, { orderId, key, lines: [{ sku, quantity }], expiresAt: 1, sequence: 0 }, stock),
});

describe("a group of changes of stock", () => {
  it("leaves the stock as it was where one is refused, and serves who comes after it", () => {
    const { run, stock, reservations } = storeOf([{ sku: "A", onHand: 5, reserved: 0 }]);

    const answers = run([asked("1", "A", 3), asked("2", "A", 3), asked("3", "A", 2)]);

    expect(answers).toEqual([
      expect.objectContaining({ orderId: "1" }),
      expect.objectContaining({ code: "OUT_OF_STOCK", data: { sku: "A", requested: 3, available: 2 } }),
      expect.objectContaining({ orderId: "3" }),
    ]);
    expect(stock.get("A")).toEqual({ sku: "A", onHand: 5, reserved: 5 });
    expect([...reservations.keys()]).toEqual(["1", "3"]);
  });

  it("gives two requests with one key one reservation, and two for one order the later lines", () => {
    const { run, stock, reservations } = storeOf([{ sku: "A", onHand: 9, reserved: 0 }]);

    const answers = run([asked("1", "A", 2, "k"), asked("2", "A", 2, "k"), asked("3", "A", 1), asked("3", "A", 4)]);

    expect(answers.map((answer) => answer && "orderId" in answer && answer.orderId)).toEqual(["1", "1", "3", "3"]);
    expect(stock.get("A")).toEqual({ sku: "A", onHand: 9, reserved: 6 });
    expect([...reservations.values()].map(({ lines }) => lines[0]?.quantity)).toEqual([2, 4]);
  });

  it("writes nothing where nothing changed", () => {
    const { run, stock, reservations } = storeOf([{ sku: "A", onHand: 9, reserved: 0 }]);
    run([asked("1", "A", 2)]);

    const decided = decideGroup([asked("1", "A", 2), asked("2", "A", 99)], [...reservations.values()], stock);

    expect(decided).toMatchObject({ inserted: [], updated: [], levels: [], ledger: [] });
  });

  it("passes on what is thrown that is no Error", () => {
    const decide = (): never => {
      throw "oh" as unknown as Error;
    };
    expect(decideGroup([{ wanted: { orderId: "1" }, decide }], [], new Map()).answers).toEqual([new Error("oh")]);
  });

  it("ends as its requests one after the other would, however they are cut into groups", () => {
    const skus = ["A", "B", "C"];
    const command = fc.record({
      action: fc.constantFrom("reserve", "reserve", "reserve", "commit", "release"),
      orderId: fc.constantFrom("1", "2", "3", "4", "5"),
      key: fc.constantFrom(null, null, "k1", "k2"),
      sequence: fc.nat(4),
      lines: fc.array(fc.record({ sku: fc.constantFrom(...skus, "none"), quantity: fc.integer({ min: 1, max: 4 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
    });
    type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;
    const requestOf = ({ action, orderId, key, sequence, lines }: Command): Request => {
      if (action === "commit") {
        return { wanted: { orderId }, decide: (found, stock) => commit(found, orderId, sequence, stock) };
      }
      if (action === "release") {
        return { wanted: { orderId }, decide: (found, stock) => found && release(found, sequence, stock) };
      }
      return {
        wanted: { orderId, key, skus: lines.map(({ sku }) => sku) },
        decide: (found, stock) => reserve(found, { orderId, key, lines, expiresAt: sequence, sequence }, stock),
      };
    };
    const levels = skus.map((sku) => ({ sku, onHand: 8, reserved: 0 }));

    fc.assert(
      fc.property(fc.array(fc.array(command, { maxLength: 12 }), { maxLength: 4 }), (groups) => {
        const [grouped, single] = [storeOf(levels), storeOf(levels)];

        const answers = groups.flatMap((group) => grouped.run(group.map(requestOf)));
        const alone = groups.flat().flatMap((one) => single.run([requestOf(one)]));

        expect(answers).toEqual(alone);
        expect(grouped.stock).toEqual(single.stock);
        expect(grouped.reservations).toEqual(single.reservations);
        expect(grouped.ledger).toEqual(single.ledger);
      }),
    );
  });
});
