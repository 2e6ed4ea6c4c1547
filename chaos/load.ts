import { messageOf } from "../lib/errors.ts";
import type { Poller } from "../lib/poller.ts";
import { delay } from "../lib/time.ts";
import { openAccounts, type Account } from "./accounts.ts";
import { arrivals } from "./arrivals.ts";
import { Caller } from "./caller.ts";
import { catalogueOf, stockCatalogue, type Catalogue } from "./catalogue.ts";
import type { LoadControl } from "./fault.ts";
import { Gateways } from "./gateways.ts";
import type { History } from "./history.ts";
import { securityProbes } from "./probes.ts";
import { seededRandom, type Random } from "./random.ts";
import { successesInARow } from "./recovery.ts";
import { goShopping, type Journey, type Shop } from "./shopper.ts";

export interface LoadOptions {
  gateways: readonly string[];
  admin: { email: string; password: string };
  history: History;
  seed: number;
  ratePerSecond: number;
  accounts: number;
}

/** People who order, pay, cancel and come again, without end and whatever happens. */
export interface Load extends LoadControl {
  readonly catalogue: Catalogue;
  /** Of orders, when no fault has more of them come. */
  readonly ratePerSecond: number;
  /** The administrator and the customers, by their index in the history. */
  readonly admin: Account;
  readonly people: readonly Account[];
  /** Orders that were due while too many were under way already; nobody asked for them. */
  readonly turnedAway: number;
  readonly underWay: number;
  /** What went wrong in the clients themselves. */
  readonly defects: readonly string[];
  /** Begins with a tenth of the rate, and comes to the whole of it in `rampMs`. */
  start(options?: { rampMs?: number }): void;
  /** Nobody new comes; resolves when those who are there are done, or gave up after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** How long a fault waits for those whom it sent. */
const mostWaitedMs = 15_000;
/** So many seconds' arrivals may be in the shop at the same time; who comes then turns round at the door. */
const mostSecondsUnderWay = 30;
const mostDefects = 20;

/** Registers the accounts and puts the products there; nobody orders before `start`. */
export async function openLoad({
  gateways: urls,
  admin,
  history,
  seed,
  ratePerSecond,
  accounts,
}: LoadOptions): Promise<Load> {
  const random = seededRandom(seed);
  const arriving = new AbortController();
  const ending = new AbortController();
  const gateways = new Gateways(urls);
  const caller = new Caller({ history, gateways, random: seededRandom(random.seed()), ending: ending.signal });
  const catalogue = catalogueOf();
  const [first = ""] = urls;
  // two more for the probes, whose sessions and passwords must be theirs alone
  const opened = await openAccounts(caller, { gateway: first, admin, count: accounts + 2 });
  const people = opened.people.slice(0, accounts);
  const [visitor, victim] = opened.people.slice(accounts);
  if (!visitor || !victim) throw new Error("the accounts of the probes are missing");
  const adminToken = await opened.admin.token();
  if (adminToken === null) throw new Error("the administrator cannot sign in");
  await stockCatalogue(first, adminToken, catalogue);

  const shop: Shop = { caller, admin: opened.admin, people, catalogue, ending: ending.signal };
  const crowd = new Crowd(shop, random, Math.ceil(ratePerSecond * mostSecondsUnderWay));
  const probes: Poller[] = securityProbes({ caller, gateways, visitor, victim, ending: ending.signal });
  const streams: Promise<void>[] = [];
  const come = (rate: () => number, signal: AbortSignal): Promise<void> =>
    arrivals({
      random: seededRandom(random.seed()),
      ratePerSecond: rate,
      signal: AbortSignal.any([signal, arriving.signal]),
      arrive: () => void crowd.go(),
    });
  const several = async (orders: number, how: Partial<Journey>): Promise<void> => {
    if (arriving.signal.aborted) return;
    const done = Promise.all(Array.from({ length: orders }, () => crowd.go(how)));
    // a fault is not to last as long as somebody cannot pay; whoever is not done yet goes on
    await Promise.race([done, delay(mostWaitedMs, arriving.signal)]);
  };

  return {
    catalogue,
    ratePerSecond,
    admin: opened.admin,
    people: opened.people,
    get turnedAway() {
      return crowd.turnedAway;
    },
    get underWay() {
      return crowd.underWay;
    },
    get defects() {
      return crowd.defects;
    },
    start({ rampMs = 0 } = {}) {
      gateways.start();
      const startedAtMs = Date.now();
      const ramped = (): number => ratePerSecond * Math.min(1, 0.1 + (Date.now() - startedAtMs) / Math.max(1, rampMs));
      streams.push(come(ramped, arriving.signal));
      for (const probe of probes) probe.start();
    },
    async stop(graceMs) {
      arriving.abort();
      await Promise.all(streams);
      const quiet = Promise.all([crowd.gone(), ...probes.map((probe) => probe.stop())]);
      await Promise.race([quiet, delay(graceMs, ending.signal)]);
      ending.abort();
      await quiet;
      await gateways.stop();
    },
    burst: (factor, forMs) => come(() => ratePerSecond * Math.max(0, factor - 1), AbortSignal.timeout(forMs)),
    copies: (orders, copies) => several(orders, { copies }),
    abandon: (orders) => several(orders, { abandons: true }),
    payWith: (token, orders) => several(orders, { token }),
    recovery: (afterMs, signal) =>
      successesInARow(history, { afterMs, signal: AbortSignal.any([signal, ending.signal]) }),
  };
}

/** Everybody who is in the shop. */
class Crowd {
  readonly #shop: Shop;
  readonly #random: Random;
  readonly #most: number;
  readonly #present = new Set<Promise<void>>();
  readonly defects: string[] = [];
  turnedAway = 0;
  #number = 0;

  constructor(shop: Shop, random: Random, most: number) {
    this.#shop = shop;
    this.#random = random;
    this.#most = most;
  }

  get underWay(): number {
    return this.#present.size;
  }

  /** Sends in one more; resolves when he is done. */
  async go(how: Partial<Journey> = {}): Promise<void> {
    this.#number += 1;
    const journey = { number: this.#number, random: seededRandom(this.#random.seed()), ...how };
    if (this.#present.size >= this.#most && how.copies === undefined) {
      this.turnedAway += 1;
      return;
    }
    const visit = goShopping(this.#shop, journey).catch((error: unknown) => {
      if (this.defects.length < mostDefects) this.defects.push(`order ${journey.number}: ${messageOf(error)}`);
    });
    this.#present.add(visit);
    await visit;
    this.#present.delete(visit);
  }

  async gone(): Promise<void> {
    await Promise.all(this.#present);
  }
}
