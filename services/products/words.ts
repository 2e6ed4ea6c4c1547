// What the index of the search is made of. A word is what stands between blanks and marks. The index has every part of it
// from some letter on, so that whatever a word has inside is the beginning of one of its parts: also in Chinese, which is
// written without blanks.

/** Longer ones count as several, which overlap by as much as is looked up. */
const longestWord = 24;
const lookedUp = 12;

const word = /[\p{L}\p{N}\p{M}]+/gu;

/** The words of a text that was folded. */
export function wordsIn(text: string): Set<string> {
  const found = new Set<string>();
  for (const [run] of text.matchAll(word)) {
    const letters = Array.from(run);
    for (let from = 0; from === 0 || from + lookedUp < letters.length; from += longestWord - lookedUp) {
      found.add(letters.slice(from, from + longestWord).join(""));
    }
  }
  return found;
}

/** A word from each of its letters on, no longer than what is looked up. */
export function partsOf(word: string): Set<string> {
  const letters = Array.from(word);
  return new Set(letters.map((_, from) => letters.slice(from, from + lookedUp).join("")));
}

/** What to look up for what somebody searches: all that has it has a part that begins with each of these. */
export const keysOf = (search: readonly string[]): string[] => [
  ...new Set(
    search.flatMap((text) => Array.from(text.matchAll(word), ([run]) => Array.from(run).slice(0, lookedUp).join(""))),
  ),
];

/** Greater than everything that begins with `start`, byte by byte, and than nothing that is greater than those. */
export const endOf = (start: string): string => `${start}\u{10ffff}`;
