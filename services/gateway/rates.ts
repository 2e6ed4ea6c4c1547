import type { GatewayRates } from "../../contracts/gateway.ts";
import type { Clock } from "../../lib/ids.ts";
import { bucketCount, bucketOf, sparse } from "../../lib/latency-buckets.ts";

/** What went through this gateway in the last minute, for whoever watches. */
export interface Rates {
  /** A status of 0: the client had gone before there was an answer. */
  note(action: string, status: number, tookMs: number): void;
  read(): Pick<GatewayRates, "seconds" | "actions" | "overSeconds">;
}

const shownSeconds = 60;

/** Actions are counted over the last minute, in parts of this length. */
const partSeconds = 10;
const parts = 6;

/** Of one stretch of time; used again for another once it is over. */
class Slot {
  of = -1;
  ok = 0;
  refused = 0;
  failed = 0;
  readonly buckets = new Uint32Array(bucketCount);

  begin(of: number): void {
    this.of = of;
    this.ok = 0;
    this.refused = 0;
    this.failed = 0;
    this.buckets.fill(0);
  }

  add(status: number, bucket: number): void {
    if (status >= 500 || status === 0) this.failed += 1;
    else if (status >= 400) this.refused += 1;
    else this.ok += 1;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
  }
}

class Ring {
  private readonly slots: Slot[];

  constructor(length: number) {
    this.slots = Array.from({ length }, () => new Slot());
  }

  at(of: number): Slot {
    const slot = this.slots[of % this.slots.length] as Slot;
    if (slot.of !== of) slot.begin(of);
    return slot;
  }

  /** Those that began at `first` or later and before `end`, as far as there are any, in order. */
  between(first: number, end: number): Slot[] {
    return this.slots.filter(({ of }) => of >= first && of < end).sort((a, b) => a.of - b.of);
  }
}

/** Costs a request less than a microsecond, and memory for each action that there is; nobody has to look. */
export function rates(now: Clock): Rates {
  const seconds = new Ring(shownSeconds + 1);
  const actions = new Map<string, Ring>();
  const startedAtMs = now();

  return {
    note(action, status, tookMs) {
      const second = Math.floor(now() / 1000);
      const bucket = bucketOf(tookMs);
      seconds.at(second).add(status, bucket);
      let ring = actions.get(action);
      if (!ring) actions.set(action, (ring = new Ring(parts + 1)));
      ring.at(Math.floor(second / partSeconds)).add(status, bucket);
    },
    read() {
      const nowMs = now();
      const second = Math.floor(nowMs / 1000);
      const part = Math.floor(second / partSeconds);
      // the present part counts as far as it has come
      const fullSeconds = (nowMs / 1000) % partSeconds;
      return {
        // the present second is not over
        seconds: seconds.between(second - shownSeconds, second).map((slot) => ({ second: slot.of, ...figures(slot) })),
        actions: [...actions].flatMap(([action, ring]) => {
          const slots = ring.between(part - parts + 1, part + 1);
          return slots.length === 0 ? [] : [{ action, ...figures(...slots) }];
        }),
        overSeconds: Math.max(1, Math.min((nowMs - startedAtMs) / 1000, (parts - 1) * partSeconds + fullSeconds)),
      };
    },
  };
}

function figures(...slots: Slot[]): Omit<GatewayRates["actions"][number], "action"> {
  const [first] = slots;
  if (first && slots.length === 1) {
    const { ok, refused, failed, buckets } = first;
    return { ok, refused, failed, buckets: sparse(buckets) };
  }
  const buckets = new Uint32Array(bucketCount);
  const sum = { ok: 0, refused: 0, failed: 0 };
  for (const slot of slots) {
    sum.ok += slot.ok;
    sum.refused += slot.refused;
    sum.failed += slot.failed;
    for (let i = 0; i < bucketCount; i += 1) buckets[i] = (buckets[i] ?? 0) + (slot.buckets[i] ?? 0);
  }
  return { ...sum, buckets: sparse(buckets) };
}
