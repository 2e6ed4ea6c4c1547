import { groupCommit } from "../../../services/notify/group-commit.ts";

/** Commits that end when told to. */
function gated() {
  const groups: number[][] = [];
  const gates: (() => void)[] = [];
  const commit = async (items: number[]): Promise<number[]> => {
    groups.push(items);
    await new Promise<void>((resolve) => gates.push(resolve));
    if (items.includes(13)) throw new Error("unlucky");
    return items.map((item) => item * 2);
  };
  const openAll = async (): Promise<void> => {
    for (let open = gates.shift(); open; open = gates.shift()) {
      open();
      await new Promise(setImmediate);
    }
  };
  return { groups, commit, openAll };
}

describe("group commit", () => {
  it("commits the first caller at once, and those who came meanwhile together", async () => {
    const { groups, commit, openAll } = gated();
    const add = groupCommit(10, commit);

    const results = Promise.all([1, 2, 3, 4].map(add));
    await openAll();

    expect(await results).toEqual([2, 4, 6, 8]);
    expect(groups).toEqual([[1], [2, 3, 4]]);
  });

  it("bounds a group", async () => {
    const { groups, commit, openAll } = gated();
    const add = groupCommit(2, commit);

    const results = Promise.all([1, 2, 3, 4].map(add));
    await openAll();

    expect(await results).toEqual([2, 4, 6, 8]);
    expect(groups).toEqual([[1], [2, 3], [4]]);
  });

  it("commits a failed group one by one, so that only the guilty caller meets the error", async () => {
    const { groups, commit, openAll } = gated();
    const add = groupCommit(10, commit);

    const results = Promise.allSettled([1, 12, 13, 14].map(add));
    await openAll();

    expect(await results).toEqual([
      { status: "fulfilled", value: 2 },
      { status: "fulfilled", value: 24 },
      { status: "rejected", reason: new Error("unlucky") },
      { status: "fulfilled", value: 28 },
    ]);
    expect(groups).toEqual([[1], [12, 13, 14], [12], [13], [14]]);
  });

  it("goes on after an error", async () => {
    const { commit, openAll } = gated();
    const add = groupCommit(10, commit);

    const failed = expect(add(13)).rejects.toThrow("unlucky");
    await openAll();
    await failed;
    const next = add(5);
    await openAll();

    expect(await next).toBe(10);
  });
});
