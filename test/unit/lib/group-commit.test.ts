import fc from "fast-check";
import { delay } from "../../../lib/time.ts";
import { groupCommit, type Grouping } from "../../../lib/group-commit.ts";

/** Until the event loop has turned, and what was to be done then is under way. */
const turn = async (): Promise<void> => {
  for (let i = 0; i < 2; i += 1) await new Promise(setImmediate);
};

/** Commits that end when told to. 13 makes its group fail; 7 is refused. */
function gated(grouping: Partial<Grouping<number, number>> = {}) {
  const groups: number[][] = [];
  const gates: (() => void)[] = [];
  const run = async (items: readonly number[]): Promise<(number | Error)[]> => {
    groups.push([...items]);
    await new Promise<void>((resolve) => gates.push(resolve));
    if (items.includes(13)) throw new Error("unlucky");
    return items.map((item) => (item === 7 ? new Error("refused") : item * 2));
  };
  const openAll = async (): Promise<void> => {
    await turn();
    for (let open = gates.shift(); open; open = gates.shift()) {
      open();
      await turn();
    }
  };
  const grouped = groupCommit({ most: 10, longest: 100, run, ...grouping });
  /** The first comes alone, and the others while it is under way. */
  const come = async (items: readonly number[]): Promise<Promise<number>[]> => {
    const first = items.slice(0, 1).map(grouped.submit);
    await turn();
    return [...first, ...items.slice(1).map(grouped.submit)];
  };
  return { groups, openAll, come, ...grouped };
}

const done = (value: number) => ({ status: "fulfilled", value });
const failed = (message: string) => ({ status: "rejected", reason: new Error(message) });

describe("group commit", () => {
  it("commits together those who come in the same moment", async () => {
    const { groups, submit, openAll } = gated();

    const results = Promise.all([1, 2, 3].map(submit));
    await openAll();

    expect(await results).toEqual([2, 4, 6]);
    expect(groups).toEqual([[1, 2, 3]]);
  });

  it("lets the first wait for company where nobody waits for the answer, and stops only after that", async () => {
    const { groups, submit, stop, openAll } = gated({ gatherMs: 20 });

    const results = [submit(1)];
    await turn();
    results.push(submit(2));
    expect(groups).toEqual([]);
    const stopped = stop();
    await delay(40);
    await openAll();

    await stopped;
    expect(await Promise.all(results)).toEqual([2, 4]);
    expect(groups).toEqual([[1, 2]]);
  });

  it("commits the first caller at once, and those who came meanwhile together", async () => {
    const { groups, come, openAll } = gated();

    const results = Promise.all(await come([1, 2, 3, 4]));
    await openAll();

    expect(await results).toEqual([2, 4, 6, 8]);
    expect(groups).toEqual([[1], [2, 3, 4]]);
  });

  it("bounds a group", async () => {
    const { groups, come, openAll } = gated({ most: 2 });

    const results = Promise.all(await come([1, 2, 3, 4]));
    await openAll();

    expect(await results).toEqual([2, 4, 6, 8]);
    expect(groups).toEqual([[1], [2, 3], [4]]);
  });

  it("bounds what a group weighs, and lets go alone what weighs more", async () => {
    const { groups, come, openAll } = gated({ weight: { of: (item) => item, most: 10 } });

    const results = Promise.all(await come([1, 4, 6, 1, 50, 2]));
    await openAll();

    expect(await results).toEqual([2, 8, 12, 2, 100, 4]);
    expect(groups).toEqual([[1], [4, 6], [1], [50], [2]]);
  });

  it("commits a failed group one by one, so that only the guilty caller meets the error", async () => {
    const { groups, come, openAll } = gated();

    const results = Promise.allSettled(await come([1, 12, 13, 14]));
    await openAll();

    expect(await results).toEqual([done(2), done(24), failed("unlucky"), done(28)]);
    expect(groups).toEqual([[1], [12, 13, 14], [12], [13], [14]]);
  });

  it("commits a group in which one is refused once", async () => {
    const { groups, come, openAll } = gated();

    const results = Promise.allSettled(await come([1, 6, 7, 8]));
    await openAll();

    expect(await results).toEqual([done(2), done(12), failed("refused"), done(16)]);
    expect(groups).toEqual([[1], [6, 7, 8]]);
  });

  it("gives the whole group an error that is nobody's fault", async () => {
    const { groups, come, openAll } = gated({ isBlameless: () => true });

    const results = Promise.allSettled(await come([1, 13, 14]));
    await openAll();

    expect(await results).toEqual([done(2), failed("unlucky"), failed("unlucky")]);
    expect(groups).toEqual([[1], [13, 14]]);
  });

  it("mixes up no answers when a group answers too few", async () => {
    const short = groupCommit<number, number>({ most: 10, longest: 10, run: async ([first = 0]) => [first] });

    expect(await Promise.all([1, 2, 3].map((item) => short.submit(item)))).toEqual([1, 2, 3]);
  });

  it("goes on after an error", async () => {
    const { submit, openAll } = gated();

    const unlucky = expect(submit(13)).rejects.toThrow("unlucky");
    await openAll();
    await unlucky;
    const next = submit(5);
    await openAll();

    expect(await next).toBe(10);
  });

  it("refuses at once who would queue too long, and takes callers again when there is room", async () => {
    const { groups, submit, come, openAll } = gated({ longest: 2 });
    const taken = await come([1, 2, 3]);

    await expect(submit(4)).rejects.toMatchObject({
      kind: "unavailable",
      code: "OVERLOADED",
      data: { retryAfterSeconds: 1 },
    });
    await openAll();
    expect(await Promise.all(taken)).toEqual([2, 4, 6]);

    const later = submit(5);
    await openAll();
    expect(await later).toBe(10);
    expect(groups).toEqual([[1], [2, 3], [5]]);
  });

  it("has a second group under way only when it is a full one", async () => {
    const { groups, submit, come, openAll } = gated({ most: 2, atOnce: 2 });

    const results = await come([1, 2]);
    await turn();
    expect(groups).toEqual([[1]]);
    results.push(...[3, 4, 5].map(submit));
    expect(groups).toEqual([[1], [2, 3]]);
    await openAll();

    expect(await Promise.all(results)).toEqual([2, 4, 6, 8, 10]);
    expect(groups).toEqual([[1], [2, 3], [4, 5]]);
  });

  it("goes past groups that have no end in sight, a few of them", async () => {
    const { groups, submit, openAll } = gated({ stuckAfterMs: 20 });

    const results: Promise<number>[] = [];
    for (const n of [1, 2, 3, 4, 5, 6, 8, 9]) {
      results.push(submit(n));
      await delay(40);
    }
    const beyond = groups.map((group) => group.length);
    await openAll();

    expect(beyond).toEqual([1, 1, 1, 1]);
    expect(groups.at(-1)).toEqual([5, 6, 8, 9]);
    expect(await Promise.all(results)).toEqual([2, 4, 6, 8, 10, 12, 16, 18]);
  });

  it("goes on as before when a group that was stuck has ended", async () => {
    const { groups, submit, come, openAll } = gated({ stuckAfterMs: 20 });
    const stuck = submit(1);
    await delay(40);
    await openAll();
    await stuck;
    const later = Promise.all(await come([2, 3, 4]));
    await openAll();

    expect(await later).toEqual([4, 6, 8]);
    expect(groups).toEqual([[1], [2], [3, 4]]);
  });

  it("lets nobody wait where nobody shares", async () => {
    const { groups, submit, openAll } = gated({ most: 1 });

    const results = Promise.all([1, 2, 3].map(submit));

    expect(groups).toEqual([[1], [2], [3]]);
    await openAll();
    expect(await results).toEqual([2, 4, 6]);
  });

  it("stops when all that was taken is answered", async () => {
    const { submit, stop, openAll } = gated();
    await stop();
    const answered: number[] = [];
    const taken = [1, 2, 3].map(async (item) => answered.push(await submit(item)));

    const stopped = stop().then(() => [...answered]);
    await openAll();

    expect(await stopped).toEqual([2, 4, 6]);
    await Promise.all(taken);
  });

  it("answers each caller with its own, once, whoever comes when and whatever fails", async () => {
    interface Item {
      id: number;
      fate: "fine" | "refused" | "guilty";
    }
    const fates = fc.array(fc.constantFrom<Item["fate"]>("fine", "fine", "fine", "refused", "guilty"), {
      maxLength: 40,
    });

    await fc.assert(
      fc.asyncProperty(
        fates,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.scheduler(),
        async (all, most, atOnce, scheduler) => {
          const committed: number[] = [];
          let underWay = 0;
          const { submit, stop } = groupCommit<Item, string>({
            most,
            atOnce,
            longest: 100,
            async run(items) {
              underWay += 1;
              expect(items.length).toBeLessThanOrEqual(most);
              if (most > 1) expect(underWay).toBeLessThanOrEqual(atOnce);
              await scheduler.schedule(Promise.resolve(), "commit");
              underWay -= 1;
              if (items.some(({ fate }) => fate === "guilty")) throw new Error("guilty");
              const fine = items.filter(({ fate }) => fate === "fine");
              committed.push(...fine.map(({ id }) => id));
              return items.map(({ id, fate }) => (fate === "fine" ? `answer ${id}` : new Error(`refused ${id}`)));
            },
          });

          const outcomes = Promise.allSettled(
            all.map(async (fate, id) => {
              await scheduler.schedule(Promise.resolve(), "come");
              return submit({ id, fate });
            }),
          );
          await scheduler.waitFor(outcomes);
          await stop();

          const expected = {
            fine: (id: number) => ({ status: "fulfilled", value: `answer ${id}` }),
            refused: (id: number) => failed(`refused ${id}`),
            guilty: () => failed("guilty"),
          };
          expect(await outcomes).toEqual(all.map((fate, id) => expected[fate](id)));
          expect(committed.toSorted((a, b) => a - b)).toEqual(all.flatMap((fate, id) => (fate === "fine" ? [id] : [])));
        },
      ),
    );
  });
});
