/** What came of one check. */
export interface Verdict {
  /** Of the invariant: I1 … I11; `run` where the run itself could not be trusted. */
  id: string;
  /** What holds when all is well. */
  title: string;
  /** True where it is about how long something took: then it says nothing on a machine that has other things to do. */
  timed: boolean;
  ok: boolean;
  checked: number;
  violations: number;
  /** Offending keys and ids, the first of them. */
  examples: string[];
  /** Of orders whose clients can say what they saw. */
  orders: string[];
}

const mostExamples = 10;

/** Collects what does not hold. */
export class Check {
  readonly #id: string;
  readonly #title: string;
  readonly #timed: boolean;
  readonly #examples: string[] = [];
  readonly #orders: string[] = [];
  #checked = 0;
  #violations = 0;

  constructor(id: string, title: string, { timed = false } = {}) {
    this.#id = id;
    this.#title = title;
    this.#timed = timed;
  }

  see(checked: number): void {
    this.#checked += checked;
  }

  violated(example: string, order: string | null = null): void {
    this.#violations += 1;
    if (this.#examples.length >= mostExamples) return;
    this.#examples.push(example);
    if (order !== null) this.#orders.push(order);
  }

  get verdict(): Verdict {
    return {
      id: this.#id,
      title: this.#title,
      timed: this.#timed,
      ok: this.#violations === 0,
      checked: this.#checked,
      violations: this.#violations,
      examples: this.#examples,
      orders: this.#orders,
    };
  }
}
