import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { freePort } from "../../scripts/backing/process.ts";
import { delay } from "../../lib/time.ts";
import type { Bench } from "../measure.ts";
import { closed, measureRow } from "../scenarios/scenario.ts";
import { median } from "../statistics.ts";

/** What it costs to be watched: orders placed by 64 clients, compared with a node that nobody watches. */
export interface Watched {
  name: string;
  perSecond: number;
  ofPlain: number;
  cpuMsPerRequest: number;
  cpuOfPlain: number;
}

const clients = 64;
/**
 * Each is measured so often, in turns, and every other turn the other way round: what the machine does besides changes
 * slowly, and tables grow.
 */
const rounds = 5;
const scrapeEveryMs = 1_000;
const sampled = "0.01";

export async function watched(bench: Bench): Promise<Watched[]> {
  const sink = await startSink();
  const metricsPort = await freePort();
  const ways: readonly { name: string; env: Readonly<Record<string, string>>; scrape?: string }[] = [
    { name: "nothing", env: {} },
    { name: "metrics", env: { METRICS_PORT: String(metricsPort) }, scrape: `http://127.0.0.1:${metricsPort}/metrics` },
    {
      name: "traces of 1 %",
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, TRACE_SAMPLE_RATIO: sampled },
    },
  ];
  const found = ways.map((way) => ({ ...way, perSecond: [] as number[], cpuMs: [] as number[] }));
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const { env, scrape, perSecond, cpuMs } of round % 2 === 0 ? found : found.toReversed()) {
        await bench.world.use({ env });
        const scraping = scrape === undefined ? null : scrapes(scrape);
        const { row } = await measureRow(bench, {
          name: "place",
          work: { kind: "place", tokens: await bench.world.tokens(), skus: bench.world.products, lines: 2 },
          load: closed(clients),
        });
        await scraping?.stop();
        if (row.errors > 0) throw new Error(`orders failed: ${JSON.stringify(row.errorKinds)}`);
        perSecond.push(row.perSecond ?? 0);
        cpuMs.push(row.cpuMsPerRequest);
        await bench.world.settle();
      }
    }
  } finally {
    await bench.world.use();
    await sink.stop();
  }
  const medians = found.map(({ name, perSecond, cpuMs }) => ({
    name,
    perSecond: median(perSecond),
    cpuMsPerRequest: median(cpuMs),
  }));
  const [plain] = medians;
  return medians.map((one) => ({
    ...one,
    ofPlain: one.perSecond / (plain?.perSecond ?? NaN),
    cpuOfPlain: one.cpuMsPerRequest / (plain?.cpuMsPerRequest ?? NaN),
  }));
}

/** Reads the metrics again and again, as a Prometheus would. */
function scrapes(url: string): { stop(): Promise<void> } {
  const ending = new AbortController();
  const done = (async () => {
    while (!ending.signal.aborted) {
      await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).arrayBuffer();
      await delay(scrapeEveryMs, ending.signal);
    }
  })();
  // whoever waits for the end meets the error
  done.catch(() => undefined);
  return {
    async stop() {
      ending.abort();
      await done;
    },
  };
}

/** A collector that takes everything and keeps nothing. */
async function startSink(): Promise<{ url: string; stop(): Promise<void> }> {
  const server: Server = createServer((req, res) => {
    req.resume().once("end", () => res.writeHead(200, { "content-type": "application/json" }).end("{}"));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };
}
