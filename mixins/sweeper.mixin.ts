import type { ServiceSchema } from "moleculer";
import { messageOf } from "../lib/errors.ts";
import { metricsOf } from "../lib/metrics.ts";
import { Poller } from "../lib/poller.ts";
import { mixin } from "./mixin.ts";

/** Those who ask for a pass within so long share it. */
const gatherMs = 15;

export interface WithSweeps {
  wakeSweep(name: string): void;
}

export interface Sweep {
  name: string;
  /** The longest rest between two passes. */
  everyMs: number;
  /** One pass; true when there may be more to do at once. */
  pass: (this: never, signal: AbortSignal) => Promise<boolean>;
}

/**
 * Runs passes over what is due for as long as the service lives. A pass must be safe to run on every node at once.
 * `this.wakeSweep(name)` asks for one now.
 */
export function sweeperMixin(sweeps: readonly Sweep[]): Partial<ServiceSchema> {
  return mixin<{ sweepers: Map<string, Poller>; stopSweeping(): Promise<void> }>({
    methods: {
      wakeSweep(name: string) {
        this.sweepers.get(name)?.wake();
      },
      async stopSweeping() {
        await Promise.all([...this.sweepers.values()].map((sweeper) => sweeper.stop()));
      },
    },
    created() {
      const metrics = metricsOf(this.broker);
      this.sweepers = new Map(
        sweeps.map(({ name, everyMs, pass }) => [
          name,
          new Poller({
            name: `${this.name} ${name}`,
            idleMs: everyMs,
            gatherMs,
            pass: (signal) => pass.call(this as never, signal),
            onPass: () => metrics?.passed(this.name, name),
            onError: (error) => this.logger.warn("sweep failed", { sweep: name, error: messageOf(error) }),
          }),
        ]),
      );
    },
    ready() {
      for (const sweeper of this.sweepers.values()) sweeper.start();
    },
    async stopped() {
      await this.stopSweeping();
    },
  });
}
