import { readOptions } from "../../../bench/options.ts";
import { scenarioNames, studyNames } from "../../../bench/scenarios/index.ts";

describe("the options of the measurement", () => {
  it("means everything when nothing is said", () => {
    expect(readOptions([])).toMatchObject({ scenarios: scenarioNames, studies: studyNames, measureMs: 10_000 });
  });

  it("takes some scenarios, in the order in which they run", () => {
    expect(readOptions(["--only", "place,product-read,lag"])).toMatchObject({
      scenarios: ["product-read", "place"],
      studies: ["lag"],
    });
  });

  it("leaves out what cannot be had quickly, unless it is named", () => {
    expect(readOptions(["--quick"])).toMatchObject({
      scenarios: scenarioNames,
      studies: [],
    });
    expect(readOptions(["--quick", "--only", "plots"])).toMatchObject({ studies: ["plots"] });
  });

  it("says what there is when asked", () => {
    expect(readOptions(["--help"])).toBeNull();
  });

  it.each([
    [["--only", "place,plaice"], '--only names "plaice"'],
    [["--seconds", "soon"], '--seconds is "soon"'],
    [["--seconds", "0"], '--seconds is "0"'],
    [["--rate", "-1"], "--rate"],
    [["--rate", "1e9"], '--rate is "1e9"'],
    [["--orders", "1500"], '--orders is "1500"'],
    [["--minutes", "0"], '--minutes is "0"'],
    [["--orders", "20"], '--orders is "20"'],
    [["--json="], "--json needs a path"],
    [["--clients", "3"], "--clients"],
    [["place"], "place"],
  ])("refuses %j by name", (args, words) => {
    expect(() => readOptions(args)).toThrow(words);
  });
});
