import { Kept } from "../../../lib/kept.ts";

interface Value {
  n: number;
}

/** With a clock of its own and a source that counts, and answers when it is told to. */
function setUp() {
  const clock = { ms: 1_000 };
  const source = { asked: 0, answers: [] as ((value: Value | null) => void)[] };
  const kept = new Kept<Value>({ maxEntries: 3, now: () => clock.ms });
  const load = (): Promise<Value | null> => {
    source.asked += 1;
    return new Promise((resolve) => source.answers.push(resolve));
  };
  const read = (key = "a"): Promise<Value | null> => kept.read(key, load);
  const answer = (value: Value | null): void => source.answers.shift()?.(value);
  return { clock, source, kept, read, answer };
}

describe("what is kept", () => {
  it("is read once for all who ask at the same time, and given until a second is over", async () => {
    const { clock, source, read, answer } = setUp();
    const both = [read(), read()];
    answer({ n: 1 });
    expect(await Promise.all(both)).toEqual([{ n: 1 }, { n: 1 }]);

    clock.ms += 999;
    expect(await read()).toEqual({ n: 1 });
    expect(source.asked).toBe(1);

    clock.ms += 2;
    const again = read();
    answer({ n: 2 });
    expect(await again).toEqual({ n: 2 });
  });

  it("ages from before it was read", async () => {
    const { clock, source, read, answer } = setUp();
    const slow = read();
    clock.ms += 900;
    answer({ n: 1 });
    await slow;
    clock.ms += 200;
    void read();
    expect(source.asked).toBe(2);
  });

  it("is not what was being read when it was forgotten", async () => {
    const { source, kept, read, answer } = setUp();
    const before = read();
    kept.forget(["a"]);
    const after = read();
    expect(source.asked).toBe(2);

    answer({ n: 1 });
    expect(await before).toEqual({ n: 1 });
    answer({ n: 2 });
    expect(await after).toEqual({ n: 2 });
    expect(await read()).toEqual({ n: 2 });
  });

  it("is nothing when all is forgotten, and nothing that is not there", async () => {
    const { source, kept, read, answer } = setUp();
    const first = read();
    answer({ n: 1 });
    await first;
    kept.forgetAll();
    const missing = read();
    answer(null);
    expect(await missing).toBeNull();
    void read();
    expect(source.asked).toBe(3);
  });

  it("is shown to who does not wait, for as long as it counts", async () => {
    const { clock, source, kept, read, answer } = setUp();
    expect(kept.peek("a")).toBeUndefined();
    const first = read();
    expect(kept.peek("a")).toBeUndefined();
    answer({ n: 1 });
    await first;

    clock.ms += 999;
    expect(kept.peek("a")).toEqual({ n: 1 });
    clock.ms += 2;
    expect(kept.peek("a")).toBeUndefined();
    expect(source.asked).toBe(1);
  });

  it("is not shown once it was forgotten", async () => {
    const { kept, read, answer } = setUp();
    const first = read();
    answer({ n: 1 });
    await first;

    kept.forget(["a"]);

    expect(kept.peek("a")).toBeUndefined();
  });

  it("is no failure", async () => {
    const { kept, read, answer } = setUp();
    await expect(kept.read("a", () => Promise.reject(new Error("away")))).rejects.toThrow("away");
    const again = read();
    answer({ n: 1 });
    expect(await again).toEqual({ n: 1 });
  });
});
