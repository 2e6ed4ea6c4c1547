import fc from "fast-check";
import { groupReads } from "../../../lib/group-reads.ts";

/** Until the event loop has turned, and what was to be asked then is under way. */
const turn = async (): Promise<void> => {
  for (let i = 0; i < 2; i += 1) await new Promise(setImmediate);
};

/** A store whose statements answer when told to, with what it held when they began. */
function store(rows: Record<string, number>) {
  const statements: string[][] = [];
  const gates: (() => void)[] = [];
  const { find, stop } = groupReads<string, number | null>(async (keys) => {
    statements.push([...keys]);
    const seen = keys.map((key) => rows[key] ?? null);
    await new Promise<void>((resolve) => gates.push(resolve));
    if (keys.includes("broken")) throw new Error("no such column");
    return seen;
  });
  const answerAll = async (): Promise<void> => {
    await turn();
    for (let answer = gates.shift(); answer; answer = gates.shift()) {
      answer();
      await turn();
    }
  };
  return { statements, find, stop, answerAll };
}

describe("reads that share statements", () => {
  it("ask together when they come in the same moment, or when another is under way", async () => {
    const { statements, find, answerAll } = store({ a: 1, b: 2 });

    const first = find("a");
    await turn();
    const found = Promise.all(["b", "c", "b"].map(find));
    await answerAll();

    expect([await first, ...(await found)]).toEqual([1, 2, null, 2]);
    expect(statements).toEqual([["a"], ["b", "c", "b"]]);
  });

  it("see what was there when they were asked for", async () => {
    const rows = { a: 1 };
    const { find, answerAll } = store(rows);
    const before = find("a");
    await turn();
    rows.a = 2;
    const after = find("a");
    await answerAll();

    expect([await before, await after]).toEqual([1, 2]);
  });

  it("fail for those alone whose key is to blame", async () => {
    const { find, answerAll } = store({ a: 1, b: 2 });
    const found = Promise.allSettled(["a", "b", "broken", "b"].map(find));
    await answerAll();

    expect((await found).map((one) => (one.status === "fulfilled" ? one.value : String(one.reason)))).toEqual([
      1,
      2,
      "Error: no such column",
      2,
    ]);
  });

  it("are all answered when they are stopped", async () => {
    const { find, stop, answerAll } = store({ a: 1 });
    const answered: unknown[] = [];
    for (const key of ["a", "b", "a"]) void find(key).then((found) => answered.push(found));
    const stopped = stop();
    await answerAll();
    await stopped;

    expect(answered).toEqual([1, null, 1]);
  });

  it("never mix up who asked", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(20), { maxLength: 250 }), { maxLength: 6 }), async (waves) => {
        const rows = Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`k${n}`, n]));
        const { find, answerAll } = store(rows);
        const answers: Promise<[number, number | null]>[] = [];
        for (const wave of waves) {
          for (const n of wave) answers.push(find(`k${n}`).then((found) => [n, found]));
          await Promise.race([answerAll(), new Promise(setImmediate)]);
        }
        await answerAll();
        for (const [n, found] of await Promise.all(answers)) expect(found).toBe(n < 15 ? n : null);
      }),
      { numRuns: 50 },
    );
  });
});
