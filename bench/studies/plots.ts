import { delay } from "../../lib/time.ts";
import { measure, type Bench } from "../measure.ts";
import { median, type Latency } from "../statistics.ts";

/** What the requests of shoppers wait longer because operators look at the console's plots. */
export interface Plots {
  perSecond: number;
  rounds: number;
  /** Medians over the rounds, by how many consoles were open; the first is none. */
  ways: { consoles: number; p50Ms: number; p99Ms: number; p99EachMs: number[] }[];
  /**
   * By what share a few consoles raise the 99th percentile: what ten times as many raise it by, through ten. Rounds lie
   * farther apart than what a few could do.
   */
  p99Raised: number;
  /** How long one answer for the plots took, as a console sees it. */
  viewP50Ms: number;
}

const perSecond = 1_000;
const connections = 64;
const few = 3;
const times = 10;
const popularProducts = 100;
/** In turns, and every other turn the other way round: what the machine does besides changes slowly. */
const rounds = 9;
/** The ring of the last minute is full before anything is measured: then the answers are as long as they get. */
const minuteMs = 60_000;
/** Where little is measured, little is filled. */
const fillShare = 6;

/** As often as the page asks: `web/src/console/pages/overview.tsx`. */
const asks = [
  { path: "/ops/live", everyMs: 2_000 },
  { path: "/ops/outbox", everyMs: 5_000 },
  { path: "/ops/dead-letters?limit=100", everyMs: 5_000 },
] as const;

export async function plots(bench: Bench): Promise<Plots> {
  const {
    world,
    times: { measureMs },
  } = bench;
  const requests = world.products.slice(0, popularProducts).map((sku) => ({ path: `/api/v1/products/${sku}` }));
  const round = async (name: string, warmMs: number, measureMs: number) => {
    const load = { model: "open", perSecond, connections } as const;
    const { measured } = await measure(bench, {
      name,
      work: { kind: "get", requests },
      load,
      times: { warmMs, measureMs },
    });
    if (Object.keys(measured.errors).length > 0) throw new Error(`${name}: ${JSON.stringify(measured.errors)}`);
    if (measured.perSecond < perSecond * 0.95) throw new Error(`${name}: only ${Math.round(measured.perSecond)}/s`);
    return measured.sinceSent;
  };
  const views: number[] = [];
  const ways = [0, few, few * times].map((consoles) => ({ consoles, found: [] as Latency[] }));
  await round("plots-fill", 0, Math.min(minuteMs, measureMs * fillShare));
  for (let n = 0; n < rounds; n += 1) {
    for (const { consoles, found } of n % 2 === 0 ? ways : ways.toReversed()) {
      const watching = await watch(bench, consoles, views);
      const latency = await round(`plots-${consoles}`, measureMs / 5, measureMs).finally(() => watching.stop());
      found.push(latency);
    }
  }
  const medians = ways.map(({ consoles, found }) => ({
    consoles,
    p50Ms: median(found.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(found.map(({ p99Ms }) => p99Ms)),
    p99EachMs: found.map(({ p99Ms }) => p99Ms),
  }));
  const [none, many] = [medians[0]?.p99Ms ?? NaN, medians.at(-1)?.p99Ms ?? NaN];
  return { perSecond, rounds, ways: medians, p99Raised: (many / none - 1) / times, viewP50Ms: median(views) };
}

/** Consoles with the overview open; `views` gets how long each answer for the plots took. */
async function watch({ world }: Bench, consoles: number, views: number[]): Promise<{ stop(): Promise<void> }> {
  const ending = new AbortController();
  const token = await world.adminToken();
  const asking = async (path: string, everyMs: number, lateMs: number): Promise<void> => {
    await delay(lateMs, ending.signal);
    while (!ending.signal.aborted) {
      const startedAt = performance.now();
      await world.rest.send(path, { token });
      if (path === asks[0].path) views.push(performance.now() - startedAt);
      await delay(everyMs, ending.signal);
    }
  };
  // nobody opens a console at the same moment as somebody else
  const done = Promise.all(
    Array.from({ length: consoles }, (_, n) =>
      asks.map(({ path, everyMs }) => asking(path, everyMs, (n * everyMs) / consoles)),
    ).flat(),
  );
  // whoever waits for the end meets the error
  done.catch(() => undefined);
  return {
    async stop() {
      ending.abort();
      await done;
    },
  };
}
