import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Chance that can be played again: the same seed draws the same. */
export interface Random {
  /** From `least` to `most`, both included. */
  int(least: number, most: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  shuffled<T>(from: readonly T[]): T[];
  /** A seed for somebody who draws for himself, so that his draws do not move ours. */
  seed(): number;
}

const maxSeed = 2 ** 31 - 1;

export function seededRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const int = (least: number, most: number): number => uniformInt(generator, least, most);
  return {
    int,
    chance: (probability) => int(0, 999_999) < probability * 1_000_000,
    pick<T>(from: readonly T[]): T {
      const picked = from[int(0, from.length - 1)];
      if (picked === undefined) throw new Error("there is nothing to pick from");
      return picked;
    },
    shuffled<T>(from: readonly T[]): T[] {
      const left = [...from];
      return Array.from(from, () => left.splice(int(0, left.length - 1), 1)).flat();
    },
    seed: () => int(0, maxSeed),
  };
}
