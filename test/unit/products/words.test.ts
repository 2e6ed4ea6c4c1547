import { keysOf, partsOf, wordsIn } from "../../../services/products/words.ts";

describe("the words of a product", () => {
  it("are what stands between blanks and marks", () => {
    expect([...wordsIn("100% wool_soft, it's red")]).toEqual(["100", "wool", "soft", "it", "s", "red"]);
    expect([...wordsIn("% \\ --")]).toEqual([]);
    expect([...wordsIn("红色灯笼，𠮷野家")]).toEqual(["红色灯笼", "𠮷野家"]);
  });

  it("have parts that begin at each letter and are no longer than what is looked up", () => {
    expect([...partsOf("lamp")]).toEqual(["lamp", "amp", "mp", "p"]);
    expect([...partsOf("𠮷野")]).toEqual(["𠮷野", "野"]);
    expect(Math.max(...[...partsOf("abcdefghijklmnopqrstuvwx")].map((part) => part.length))).toBe(12);
  });

  it.each([1, 11, 12, 13, 23, 24, 25, 36, 37, 61, 100])("find a text inside of a word of %i letters", (length) => {
    const long = Array.from({ length }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("");
    const parts = [...wordsIn(long)].flatMap((word) => [...partsOf(word)]);

    for (let from = 0; from < length; from += 1) {
      for (let until = from + 1; until <= length; until += 1) {
        const [key = ""] = keysOf([long.slice(from, until)]);
        expect(parts.some((part) => part.startsWith(key))).toBe(true);
      }
    }
  });
});
