import { History, linesOf } from "../../../chaos/history.ts";
import { Past } from "./world.ts";

describe("a history", () => {
  it("keeps an operation open until a try of it is final", () => {
    const past = new Past();
    const lost = past.do("pay", { status: null, why: "ECONNRESET" });
    const refused = past.do(
      "pay",
      { status: 503, why: "SERVICE_UNAVAILABLE" },
      { status: 402, why: "PAYMENT_DECLINED" },
    );
    const paid = past.do("pay", { status: null, why: "TIMEOUT" }, { status: 200 });

    expect([lost, refused, paid].map(({ outcome }) => outcome)).toEqual(["open", "fail", "ok"]);
    expect(past.history.tries).toBe(5);
  });

  it("takes a key as granted when one of its copies was, whatever the others were told later", () => {
    const past = new Past();
    const granted = past.do("place", { status: 201 }, { status: 409, why: "OUT_OF_STOCK" });

    expect(granted.outcome).toBe("ok");
  });

  it("notices when one key was answered with two orders", () => {
    const past = new Past();
    const operation = past.placed("one");
    past.history.told(operation, { id: "two", totalCents: 500, lines: "A*2@250" });

    expect(past.history.conflicts).toEqual([{ operation, orders: ["one", "two"] }]);
  });

  it("writes each invocation and each end as a line of JSON, in the order in which they happened", () => {
    const lines: string[] = [];
    let nowMs = 5;
    const history = new History({ write: (line) => lines.push(line), now: () => nowMs });
    const operation = history.begin("place", { person: 3, key: "k" });
    const one = history.invoke(operation, 1);
    nowMs = 25;
    history.info(operation, one, 503, "SERVICE_UNAVAILABLE");

    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { at: 5, type: "invoke", op: 0, try: 1, kind: "place", person: 3, key: "k", order: null, gateway: 1 },
      { at: 25, type: "info", op: 0, try: 1, status: 503, why: "SERVICE_UNAVAILABLE" },
    ]);
  });

  it("compares lines whatever their order", () => {
    const [a, b] = [
      { sku: "A", quantity: 1, unitPriceCents: 5 },
      { sku: "B", quantity: 2, unitPriceCents: 7 },
    ];

    expect(linesOf([a, b])).toBe(linesOf([b, a]));
    expect(linesOf([a, b])).not.toBe(linesOf([a, { ...b, quantity: 3 }]));
  });
});
