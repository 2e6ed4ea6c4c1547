import { stripVTControlCharacters } from "node:util";
import { prettyLine } from "../../../lib/pretty-log.ts";

const shown = (entry: object): string => stripVTControlCharacters(prettyLine(JSON.stringify(entry)));

describe("a log line for a person", () => {
  it("has the time, the level, the service, the event and its fields, without what every line has", () => {
    const time = new Date(2026, 0, 2, 3, 4, 5).getTime();
    const entry = {
      level: 30,
      time,
      node: "a-1",
      mod: "orders",
      msg: "order placed",
      orderId: "x1",
      note: "two words",
    };

    expect(shown(entry)).toBe("03:04:05 info  orders    order placed orderId=x1 note='two words'\n");
  });

  it("shows an error with its stack, below the line", () => {
    const entry = {
      level: 50,
      time: 0,
      mod: "payments",
      msg: "failed",
      err: { message: "no", stack: "Error: no\n at x" },
    };

    expect(shown(entry)).toMatch(/error payments {2}failed\nError: no\n at x\n$/);
  });
});
