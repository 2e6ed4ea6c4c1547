import { Poller } from "../lib/poller.ts";
import { exchange } from "./http.ts";

const lookEveryMs = 200;
const answerWithinMs = 1_000;

/** Gateways as a load balancer has them: it sends nobody to one that says it is not ready, unless none is. */
export class Gateways {
  readonly urls: readonly string[];
  readonly #ready: Set<number>;
  readonly #watches: Poller[];
  #turn = 0;

  constructor(urls: readonly string[]) {
    this.urls = urls;
    this.#ready = new Set(urls.keys());
    this.#watches = urls.map(
      (gateway, index) =>
        new Poller({
          name: `readiness of ${gateway}`,
          idleMs: lookEveryMs,
          pass: () => this.#look(gateway, index),
          onError: () => undefined,
        }),
    );
  }

  start(): void {
    for (const watch of this.#watches) watch.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.stop()));
  }

  /** The next in turn; not `after`, where the last try was, if there is another. */
  next(after: number | null): number {
    const ready = [...this.urls.keys()].filter((index) => this.#ready.has(index));
    const choices = ready.length > 0 ? ready : [...this.urls.keys()];
    const others = choices.filter((index) => index !== after);
    const among = others.length > 0 ? others : choices;
    this.#turn += 1;
    return among[this.#turn % among.length] ?? 0;
  }

  url(index: number): string {
    return this.urls[index] ?? "";
  }

  async #look(gateway: string, index: number): Promise<boolean> {
    const answer = await exchange({ gateway, method: "GET", path: "/health/ready", timeoutMs: answerWithinMs });
    if (answer.answered && answer.status === 200) this.#ready.add(index);
    else this.#ready.delete(index);
    return false;
  }
}
