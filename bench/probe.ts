import { createServer } from "node:http";
import { Session } from "node:inspector/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { GCProfiler } from "node:v8";

// Loaded into a node before anything else (`--import`), and asleep until it is asked: `POST /start`, and `POST /stop`
// for what happened since, on the socket that BENCH_PROBE names. With `?profile` also the processor's profile.

export interface Inside {
  loopDelayP99Ms: number;
  loopDelayMaxMs: number;
  allocatedBytes: number;
  gcMs: number;
  profile: object | null;
}

const loop = monitorEventLoopDelay({ resolution: 5 });
let collector = new GCProfiler();
let usedBefore = 0;
let session: Session | null = null;

async function start(withProfile: boolean): Promise<void> {
  loop.reset();
  loop.enable();
  collector = new GCProfiler();
  usedBefore = process.memoryUsage().heapUsed;
  collector.start();
  if (!withProfile) return;
  session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.start");
}

async function stop(): Promise<Inside> {
  const profile = session && (await session.post("Profiler.stop")).profile;
  session?.disconnect();
  session = null;
  loop.disable();
  const { statistics } = collector.stop();
  let used = usedBefore;
  let allocatedBytes = 0;
  let gcMs = 0;
  // what the heap grew by between collections was allocated
  for (const { beforeGC, afterGC, cost } of statistics) {
    allocatedBytes += Math.max(0, beforeGC.heapStatistics.usedHeapSize - used);
    used = afterGC.heapStatistics.usedHeapSize;
    gcMs += cost / 1_000;
  }
  allocatedBytes += Math.max(0, process.memoryUsage().heapUsed - used);
  return {
    loopDelayP99Ms: loop.percentile(99) / 1e6,
    loopDelayMaxMs: loop.max / 1e6,
    allocatedBytes,
    gcMs,
    profile,
  };
}

const path = process.env.BENCH_PROBE;
if (path !== undefined && path !== "") {
  createServer((req, res) => {
    const done = req.url?.startsWith("/start") ? start(req.url.endsWith("?profile")) : stop();
    done.then(
      (answer) => res.end(JSON.stringify(answer ?? null)),
      (error: unknown) => res.writeHead(500).end(String(error)),
    );
  })
    .listen(path)
    .unref();
}
