import type { Fault } from "./fault.ts";
import { seededRandom, type Random } from "./random.ts";

/** A fault with everything that chance decides about it. */
export interface PlannedFault {
  /** Counts 1, 2, 3 … */
  number: number;
  fault: Fault;
  holdMs: number;
  seed: number;
}

/** What is on at the same time: one fault, sometimes a second one that does not touch the same. */
export type Step = readonly [PlannedFault] | readonly [PlannedFault, PlannedFault];

export interface PlanOptions {
  faults: readonly Fault[];
  seed: number;
  count: number;
  /** Names of faults, or beginnings of them such as "database". */
  only?: readonly string[];
  /** What all holds are multiplied with. */
  holdFactor?: number;
}

const overlapPercent = 15;

/** The same for the same options. Deals from a shuffled deck, so that every fault comes before any comes twice. */
export function planFaults({ faults, seed, count, only = [], holdFactor = 1 }: PlanOptions): Step[] {
  const random = seededRandom(seed);
  const deck = new Deck(chosen(faults, only), random);
  const plan: Step[] = [];
  let number = 0;
  const planned = (fault: Fault): PlannedFault => ({
    number: (number += 1),
    fault,
    holdMs: Math.round(random.int(...fault.holdMs) * holdFactor),
    seed: random.seed(),
  });
  while (number < count) {
    const first = planned(deck.deal());
    const beside = random.int(1, 100) <= overlapPercent && number < count ? deck.dealBeside(first.fault) : null;
    plan.push(beside ? [first, planned(beside)] : [first]);
  }
  return plan;
}

/** Throws an error that names what is not a fault. */
function chosen(faults: readonly Fault[], only: readonly string[]): readonly Fault[] {
  const unknown = only.filter((name) => !faults.some((fault) => fault.name.startsWith(name)));
  if (unknown.length > 0) {
    const known = faults.map(({ name }) => name).join(", ");
    throw new Error(`no fault is named ${unknown.map((name) => `"${name}"`).join(" or ")}; there are: ${known}`);
  }
  return only.length === 0 ? faults : faults.filter((fault) => only.some((name) => fault.name.startsWith(name)));
}

class Deck {
  readonly #all: readonly Fault[];
  readonly #random: Random;
  #left: Fault[] = [];

  constructor(faults: readonly Fault[], random: Random) {
    this.#all = faults.flatMap((fault) => Array.from({ length: fault.weight ?? 1 }, () => fault));
    this.#random = random;
  }

  deal(): Fault {
    if (this.#left.length === 0) this.#left = this.#random.shuffled(this.#all);
    const fault = this.#left.pop();
    if (!fault) throw new Error("there are no faults to plan");
    return fault;
  }

  /** The next one that touches nothing of what this one touches; null when there is none left in this round. */
  dealBeside({ targets }: Fault): Fault | null {
    const index = this.#left.findLastIndex((fault) => !fault.targets.some((target) => targets.includes(target)));
    return index === -1 ? null : (this.#left.splice(index, 1)[0] ?? null);
  }
}
