import { delay } from "./time.ts";

export interface PollerOptions {
  /** For the log. */
  name: string;
  /** One pass; true when there may be more to do at once. `woken`: somebody said that there is work. */
  pass: (signal: AbortSignal, woken: boolean) => Promise<boolean>;
  /** How long to rest after a pass that found nothing, unless woken. */
  idleMs: number;
  /**
   * How long the beginnings of two passes are apart at least, where the first left nothing to do: what comes in the
   * meantime goes together. 0 when unset.
   */
  gatherMs?: number | undefined;
  onError: (error: unknown) => void;
  /** Called after each pass that did not throw. */
  onPass?: (() => void) | undefined;
}

/**
 * A loop that does passes one after another until it is stopped. A pass that throws is reported and tried again after
 * `idleMs`, doubled for each failure in a row up to 30 times.
 */
export class Poller {
  private readonly options: PollerOptions;
  private readonly stopping = new AbortController();
  private woken = false;
  private endRest: (() => void) | null = null;
  private running: Promise<void> | null = null;

  constructor(options: PollerOptions) {
    this.options = options;
  }

  start(): void {
    this.running ??= this.loop();
  }

  /** There is work: ends the present rest, or makes the next one be skipped. */
  wake(): void {
    this.woken = true;
    this.endRest?.();
  }

  /** Resolves when the pass in flight has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.running;
  }

  private async loop(): Promise<void> {
    const { pass, idleMs, gatherMs = 0, onError, onPass } = this.options;
    let failures = 0;
    while (!this.stopping.signal.aborted) {
      const { woken } = this;
      this.woken = false;
      let more = false;
      const beganAt = performance.now();
      try {
        more = await pass(this.stopping.signal, woken);
        failures = 0;
        onPass?.();
      } catch (error) {
        failures += 1;
        onError(error);
      }
      if (this.stopping.signal.aborted) return;
      if (failures > 0) await delay(idleMs * Math.min(30, 2 ** (failures - 1)), this.stopping.signal);
      else if (!more) {
        await this.rest(idleMs);
        const earlyMs = beganAt + gatherMs - performance.now();
        if (earlyMs > 0) await delay(earlyMs, this.stopping.signal);
      }
    }
  }

  private rest(ms: number): Promise<void> {
    if (this.woken) return Promise.resolve();
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => (this.endRest = null));
  }
}
