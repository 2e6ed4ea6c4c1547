import type { SharedCache } from "../../../lib/shared-cache.ts";
import { TieredCache } from "../../../lib/tiered-cache.ts";

const limits = { maxEntries: 100, maxSize: 10_000 };
const isNumber = (value: unknown): boolean => typeof value === "number";

/** A cache with a clock of its own, and a source that counts how often it is asked. */
function setUp(shared: SharedCache | null = null, over: Partial<typeof limits> = {}) {
  const clock = { ms: 1_000 };
  const source = { asked: 0, answer: (): Promise<unknown> => Promise.resolve(source.asked) };
  const cache = new TieredCache({ shared, ...limits, ...over, now: () => clock.ms });
  const read = (key = "a", group = "prices", ttlMs = 30_000) =>
    cache.read({ group, key, ttlMs, accepts: isNumber }, () => {
      source.asked += 1;
      return source.answer();
    });
  return { cache, clock, source, read };
}

/** The second level as another node left it. */
function sharedHaving(text: string | null) {
  const done: string[] = [];
  const shared: SharedCache = {
    get: () => Promise.resolve({ text, stamp: "s" }),
    put: (_group, key, entry) => Promise.resolve(void done.push(`put ${key} ${entry.text} ${entry.ttlMs}`)),
    drop: (_group, key) => Promise.resolve(void done.push(`drop ${key}`)),
    forget: (group) => Promise.resolve(void done.push(`forget ${group}`)),
  };
  return { shared, done };
}

/** A promise and what settles it. */
function pending<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}

describe("the first level", () => {
  it("asks the source once for each key", async () => {
    const { read } = setUp();

    expect([await read("a"), await read("a"), await read("b"), await read("a")]).toEqual([1, 1, 2, 1]);
  });

  it("gives 100 who ask at the same time the answer to one question", async () => {
    const { read, source } = setUp();

    const answers = await Promise.all(Array.from({ length: 100 }, () => read()));

    expect(new Set(answers)).toEqual(new Set([1]));
    expect(source.asked).toBe(1);
  });

  it("keeps an answer for a second, and no longer when it is read again and again", async () => {
    const { read, clock } = setUp();
    await read();
    clock.ms += 600;
    expect(await read()).toBe(1);
    clock.ms += 600;

    expect(await read()).toBe(2);
  });

  it("keeps an answer for less where its action says so", async () => {
    const { read, clock } = setUp();
    await read("a", "prices", 200);
    clock.ms += 300;

    expect(await read("a", "prices", 200)).toBe(2);
  });

  it("counts an answer's age from when its source was asked", async () => {
    const { read, clock, source } = setUp();
    const slow = pending<number>();
    source.answer = () => slow.promise;
    const first = read();
    clock.ms += 1_200;
    slow.resolve(7);
    await first;

    await read();

    expect(source.asked).toBe(2);
  });

  it("keeps no errors, and tells each who waited", async () => {
    const { read, source } = setUp();
    source.answer = () => Promise.reject(new Error("no such product"));

    const both = await Promise.allSettled([read(), read()]);

    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(source.asked).toBe(1);
    source.answer = () => Promise.resolve(5);
    expect(await read()).toBe(5);
  });

  it("shows what it has to who does not wait, and what it shows lives no longer for that", async () => {
    const { cache, clock, read, source } = setUp();
    expect(cache.peek("prices", "a")).toBeUndefined();
    await read();
    clock.ms += 999;
    expect(cache.peek("prices", "a")).toBe("1");
    clock.ms += 2;

    expect(cache.peek("prices", "a")).toBeUndefined();
    expect(source.asked).toBe(1);
  });

  it("gives each its own copy", async () => {
    const { read, source } = setUp();
    source.answer = () => Promise.resolve({ price: 1 });
    const first = (await read()) as { price: number };
    first.price = 2;

    expect(await read()).toEqual({ price: 1 });
  });

  it("is bounded in entries and in size", async () => {
    const few = setUp(null, { maxEntries: 2 });
    for (const key of ["a", "b", "c", "a"]) await few.read(key);
    expect(few.source.asked).toBe(4);

    const small = setUp(null, { maxSize: 500 });
    small.source.answer = () => Promise.resolve("x".repeat(300));
    for (const key of ["a", "b", "a"]) await small.read(key);
    expect(small.source.asked).toBe(3);
  });
});

describe("forgetting", () => {
  it("ends a group and leaves the others", async () => {
    const { read, cache } = setUp();
    await read("a", "prices");
    await read("a", "names");

    await cache.forget(["prices"]);

    expect([cache.peek("prices", "a"), cache.peek("names", "a")]).toEqual([undefined, "2"]);
    expect(await read("a", "prices")).toBe(3);
    expect(await read("a", "names")).toBe(2);
  });

  it("is not undone by an answer that was under way, and nobody who comes later gets that", async () => {
    const { read, cache, source } = setUp();
    const old = pending<number>();
    source.answer = () => old.promise;
    const early = read();

    await cache.forget(["prices"]);
    source.answer = () => Promise.resolve(20);
    const late = await read();
    old.resolve(10);

    expect(await early).toBe(10);
    expect(late).toBe(20);
    expect(await read()).toBe(20);
  });

  it("reaches the second level, but not when only this node missed something", async () => {
    const { shared, done } = sharedHaving(null);
    const { cache, read } = setUp(shared);
    await read();
    done.length = 0;

    cache.forgetHere();
    expect(done).toEqual([]);
    await cache.forget(["prices"]);
    expect(done).toEqual(["forget prices"]);
  });
});

describe("the second level", () => {
  it("answers for the source", async () => {
    const { read, source } = setUp(sharedHaving("42").shared);

    expect(await read()).toBe(42);
    expect(source.asked).toBe(0);
  });

  it("is given what it lacks, with the whole time that the action allows", async () => {
    const { shared, done } = sharedHaving(null);
    const { read } = setUp(shared);

    await read();

    expect(done).toEqual(["put a 1 30000"]);
  });

  it.each([
    ["not JSON", "{"],
    ["of another shape", '"cheap"'],
  ])("is not believed when its entry is %s", async (_what, text) => {
    const { shared, done } = sharedHaving(text);
    const { read } = setUp(shared);

    expect(await read()).toBe(1);
    expect(done).toEqual(["drop a", "put a 1 30000"]);
  });

  it("is not needed", async () => {
    const { shared, done } = sharedHaving(null);
    const { read } = setUp({ ...shared, get: () => Promise.resolve(null) });

    expect([await read(), await read()]).toEqual([1, 1]);
    expect(done).toEqual([]);
  });
});
