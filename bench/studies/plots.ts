import { delay } from "../../lib/time.ts";
import { measure, type Bench } from "../measure.ts";
import { median } from "../statistics.ts";

/** What the requests of shoppers wait longer because operators look at the console's plots. */
export interface Plots {
  perSecond: number;
  consoles: number;
  rounds: number;
  /** Medians over the rounds. */
  p50Ms: { alone: number; watched: number };
  p99Ms: { alone: number; watched: number };
  p99OfAlone: number;
  /** How long one answer for the plots took, as a console sees it. */
  viewP50Ms: number;
}

const perSecond = 1_000;
const connections = 64;
const consoles = 3;
const popularProducts = 100;
/** In turns, and every other turn the other way round: what the machine does besides changes slowly. */
const rounds = 11;
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
  const { world, times } = bench;
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
    return measured.latency;
  };
  const views: number[] = [];
  const alone: { p50Ms: number; p99Ms: number }[] = [];
  const watched: typeof alone = [];
  const measureMs = times.measureMs;
  const fillMs = Math.min(minuteMs, measureMs * fillShare);
  await round("plots-fill", 0, fillMs);
  for (let n = 0; n < rounds; n += 1) {
    const unseen = async (): Promise<void> => void alone.push(await round("plots-alone", measureMs / 5, measureMs));
    const seen = async (): Promise<void> => {
      const watching = await watch(bench, views);
      watched.push(await round("plots-watched", measureMs / 5, measureMs).finally(() => watching.stop()));
    };
    for (const turn of n % 2 === 0 ? [unseen, seen] : [seen, unseen]) await turn();
  }
  const both = (of: "p50Ms" | "p99Ms") => ({
    alone: median(alone.map((one) => one[of])),
    watched: median(watched.map((one) => one[of])),
  });
  const p99Ms = both("p99Ms");
  return {
    perSecond,
    consoles,
    rounds,
    p50Ms: both("p50Ms"),
    p99Ms,
    p99OfAlone: p99Ms.watched / p99Ms.alone,
    viewP50Ms: median(views),
  };
}

/** Consoles with the overview open; `views` gets how long each answer for the plots took. */
async function watch({ world }: Bench, views: number[]): Promise<{ stop(): Promise<void> }> {
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
