import type { Order } from "../../contracts/orders.ts";
import { delay } from "../../lib/time.ts";
import type { Person } from "./rest.ts";
import type { Shop } from "./shop.ts";

/** One request for an order, as the client saw it. */
export interface Try {
  key: string;
  /** Where. */
  url: string;
  startedAtMs: number;
  tookMs: number;
  /** Null when there was no answer; then `failure` says why. */
  status: number | null;
  failure: string | null;
}

/** Several people who order without a pause, each order with a key of its own, until it is theirs. */
export class Buyers {
  readonly tries: Try[] = [];
  readonly orders = new Map<string, { who: Person; order: Order }>();
  private readonly unready = new Set<Shop>();
  private stopping = false;
  private readonly done: Promise<unknown>;

  /**
   * Each buyer begins at another gateway, and turns to the next when one does not answer or cannot serve. `balanced`:
   * they come through a load balancer, which sends nobody to a gateway that says it is not ready.
   */
  constructor(people: readonly Person[], sku: string, shops: readonly Shop[], { balanced = false } = {}) {
    const watches = balanced ? shops.map((shop) => this.watch(shop)) : [];
    this.done = Promise.all([...people.map((who, i) => this.buyOn(who, i, sku, shops)), ...watches]);
  }

  /** Resolves when every order under way is placed. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.done;
  }

  /** Tries that were answered with something else than an order, or broke off. */
  get failures(): Try[] {
    return this.tries.filter(({ status, failure }) => status !== 201 && failure !== "ECONNREFUSED");
  }

  slowestMs(): number {
    return Math.max(...this.tries.map(({ tookMs }) => tookMs));
  }

  private async buyOn(who: Person, index: number, sku: string, shops: readonly Shop[]): Promise<void> {
    for (let n = 0; !this.stopping; n += 1) {
      const key = `${who.id}-${n}`;
      for (let turn = index + n; ; turn += 1) {
        const shop = shops[turn % shops.length];
        if (!shop) throw new Error("there is no gateway");
        if (!this.unready.has(shop) && (await this.tryOnce(who, key, sku, shop))) break;
        await delay(20);
      }
    }
  }

  private async watch(shop: Shop): Promise<void> {
    while (!this.stopping) {
      const isReady = await fetch(`${shop.rest.url}/health/ready`, { signal: AbortSignal.timeout(1_000) }).then(
        ({ status }) => status === 200,
        () => false,
      );
      if (isReady) this.unready.delete(shop);
      else this.unready.add(shop);
      await delay(50);
    }
  }

  private async tryOnce(who: Person, key: string, sku: string, shop: Shop): Promise<boolean> {
    const startedAtMs = Date.now();
    const keep = (status: number | null, failure: string | null): void =>
      void this.tries.push({ key, url: shop.rest.url, startedAtMs, tookMs: Date.now() - startedAtMs, status, failure });
    // a connection each: on one that is kept, nobody could tell whether a request was read before the other side closed it
    return shop.place(who, sku, 1, key, { connection: "close" }).then(
      ({ status, body }) => {
        keep(status, status === 201 ? null : JSON.stringify(body));
        if (status === 201) this.orders.set(key, { who, order: body });
        return status === 201;
      },
      (error: unknown) => {
        keep(null, codeOf(error));
        return false;
      },
    );
  }
}

function codeOf(error: unknown): string {
  const { code } = ((error as { cause?: unknown }).cause ?? error) as { code?: unknown };
  return typeof code === "string" ? code : String(error);
}
