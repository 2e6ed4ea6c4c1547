import { arrivals, latencyRecorder, seededRandom } from "../statistics.ts";
import { messageOf } from "../../lib/errors.ts";
import { delay } from "../../lib/time.ts";
import { http, patient } from "./http.ts";
import type { Job, Measured, Placed } from "./protocol.ts";
import { stepsOf, Unexpected, type Step } from "./steps.ts";

/** How long those under way have to come to their end. */
const finishWithinMs = 15_000;

export interface Marks {
  /** The warm-up is over. */
  onMeasuring: () => void;
  /** The time that is measured is over; some may still be under way. */
  onMeasured: () => void;
}

/** Does what a job says. */
export async function runJob(job: Job, { onMeasuring, onMeasured }: Marks): Promise<Measured> {
  const { load, urls, seed, warmMs, measureMs } = job;
  const connections = load.model === "closed" ? { lanes: load.clients } : { shared: load.connections };
  const endsAtMs = performance.now() + warmMs + measureMs;
  // callers of an open load come when they come, refused or not: there a refusal is an answer
  const client = patient(http(urls, connections), load.model === "closed" ? endsAtMs + finishWithinMs : 0);
  try {
    const { step, placed } = await stepsOf(job.work, client, seededRandom(seed));
    const tally = new Tally(warmMs, measureMs, placed);
    const early = new AbortController();
    const window = (async () => {
      await delay(warmMs);
      tally.begin();
      onMeasuring();
      await delay(measureMs, early.signal);
      tally.end();
      onMeasured();
    })();
    if (load.model === "closed") await closed(step, load.clients, tally);
    else await open(step, load.perSecond, seededRandom(seed + 1), tally);
    early.abort();
    await window;
    return { ...tally.result(), refused: client.refused };
  } finally {
    await client.close();
  }
}

/** Counts what happens between the end of the warm-up and the end of the measurement. */
class Tally {
  readonly startedAt = performance.now();
  readonly from: number;
  readonly until: number;
  private readonly late = latencyRecorder();
  private readonly latencies = latencyRecorder();
  private readonly sinceSent = latencyRecorder();
  private readonly errors = new Map<string, number>();
  private readonly placed: Placed[];
  private cpu = process.cpuUsage();
  private cores = 0;
  private placedFrom = 0;
  private completed = 0;
  private due = 0;
  private lastAt = 0;
  private endedAt = 0;

  constructor(warmMs: number, measureMs: number, placed: Placed[]) {
    this.from = this.startedAt + warmMs;
    this.until = this.from + measureMs;
    this.placed = placed;
  }

  begin(): void {
    this.cpu = process.cpuUsage();
    this.placedFrom = this.placed.length;
  }

  end(): void {
    this.endedAt = performance.now();
    const { user, system } = process.cpuUsage(this.cpu);
    this.cores = (user + system) / 1_000 / (this.endedAt - this.from);
  }

  /** One is to be sent. */
  came(dueAt: number): void {
    this.late.record(performance.now() - dueAt);
    if (dueAt >= this.from) this.due += 1;
  }

  /** One that was due at `dueAt` is done now: throughput is what came out, latency that of what came in. */
  done(dueAt: number, sentAt = dueAt): void {
    const at = performance.now();
    if (at >= this.from && at <= this.until) {
      this.completed += 1;
      this.lastAt = at;
    }
    if (dueAt < this.from) return;
    this.latencies.record(at - dueAt);
    this.sinceSent.record(at - sentAt);
  }

  /** Whenever it happens: a warm-up that fails makes no measurement either. */
  failed(error: unknown): void {
    const what = error instanceof Unexpected ? error.message : messageOf(error).slice(0, 120);
    this.errors.set(what, (this.errors.get(what) ?? 0) + 1);
  }

  result(): Omit<Measured, "refused"> {
    // work that ended by itself took until its last answer
    const ranOut = this.endedAt < this.until;
    const seconds = ((ranOut ? this.lastAt : this.until) - this.from) / 1_000;
    return {
      seconds,
      completed: this.completed,
      perSecond: seconds > 0 ? this.completed / seconds : 0,
      duePerSecond: seconds > 0 ? this.due / seconds : 0,
      errors: Object.fromEntries(this.errors),
      latency: this.latencies.latency(),
      sinceSent: this.sinceSent.latency(),
      generator: { cores: this.cores, lateP99Ms: this.late.latency().p99Ms },
      placed: this.placed,
      placedWhileMeasured: this.placed.length - this.placedFrom,
    };
  }
}

/** Each client sends its next request when the one before is answered. */
async function closed(step: Step, clients: number, tally: Tally): Promise<void> {
  let n = 0;
  const client = async (lane: number): Promise<void> => {
    for (;;) {
      const startedAt = performance.now();
      if (startedAt >= tally.until) return;
      try {
        n += 1;
        if (!(await step(n, lane))) return;
        tally.done(startedAt);
      } catch (error) {
        tally.failed(error);
        // who is refused at once would only ask more often
        await delay(10);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, lane) => client(lane)));
}

/**
 * Sends at the times of a Poisson process, whatever became of what was sent before. Each is timed from when it was due:
 * who waits because others are slow has waited (no coordinated omission).
 */
async function open(step: Step, perSecond: number, random: () => number, tally: Tally): Promise<void> {
  const schedule = arrivals(perSecond, random);
  const underWay = new Set<Promise<void>>();
  const one = async (n: number, dueAt: number): Promise<void> => {
    const sentAt = performance.now();
    try {
      await step(n, n);
      tally.done(dueAt, sentAt);
    } catch (error) {
      tally.failed(error);
    }
  };
  let dueAt = tally.startedAt + schedule.next().value;
  for (let n = 0; dueAt < tally.until;) {
    for (; dueAt <= performance.now() && dueAt < tally.until; dueAt = tally.startedAt + schedule.next().value) {
      tally.came(dueAt);
      const sent = one(n, dueAt);
      underWay.add(sent);
      void sent.then(() => underWay.delete(sent));
      n += 1;
    }
    await delay(1);
  }
  const patience = new AbortController();
  await Promise.race([Promise.all(underWay).then(() => patience.abort()), delay(finishWithinMs, patience.signal)]);
  for (let left = underWay.size; left > 0; left -= 1) tally.failed(new Unexpected("not answered in time"));
}
