import { en as consoleEn } from "../../../web/src/console/words.en.ts";
import { zh as consoleZh } from "../../../web/src/console/words.zh.ts";
import { en as shopEn } from "../../../web/src/shop/words.en.ts";
import { zh as shopZh } from "../../../web/src/shop/words.zh.ts";

const dictionaries: [string, Record<string, string>, Record<string, string>][] = [
  ["the shop", shopEn, shopZh],
  ["the console", consoleEn, consoleZh],
];

const valuesIn = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].sort();

describe.each(dictionaries)("the words of %s", (_whose, en, zh) => {
  it("are the same in both languages, with the same values in them", () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
    for (const [name, text] of Object.entries(en)) {
      expect([name, valuesIn(zh[name] ?? "")]).toEqual([name, valuesIn(text)]);
    }
  });

  it("are Chinese where they should be", () => {
    const same = Object.keys(en).filter((name) => en[name] === zh[name]);
    // signs, and names that are the same everywhere
    expect(same.filter((name) => /[a-z]{4}/.test(en[name] ?? ""))).toEqual([]);
  });
});
