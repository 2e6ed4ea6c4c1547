import { eachInTurn } from "../../../bench/each-in-turn.ts";

describe("measurements in turn", () => {
  it("go on after one that failed, and say what it met", async () => {
    const [said, done]: [string[], string[]] = [[], []];
    const work = async (name: string): Promise<void> => {
      await Promise.resolve();
      if (name === "second") throw new Error("the generator ended");
      done.push(name);
    };

    const problems = await eachInTurn(["first", "second", "third"], work, (name) => said.push(name));

    expect(problems).toEqual(["second: the generator ended"]);
    expect(said).toEqual(["first", "second", "third"]);
    expect(done).toEqual(["first", "third"]);
  });
});
