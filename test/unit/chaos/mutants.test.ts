import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { faults } from "../../../chaos/faults/index.ts";
import { readMutants } from "../../../chaos/mutants.ts";

const root = resolve(import.meta.dirname, "../../..");

/** That each turns the checker red takes `npm run mutants`, which plays a chaos run of each. */
describe.each(readMutants())("the bug $name", ({ patch, only, red }) => {
  it("can be brought back into the tree as it is now", () => {
    expect(() => execFileSync("git", ["apply", "--check", patch], { cwd: root, stdio: "pipe" })).not.toThrow();
  });

  it("names faults and invariants that there are", () => {
    const names = only.split(",").map((name) => name.replaceAll("-", " "));

    expect(names.filter((name) => !faults.some((fault) => fault.name.startsWith(name)))).toEqual([]);
    expect(red.every((id) => /^(I[1-9]|I1[01]|run)$/.test(id))).toBe(true);
  });
});
