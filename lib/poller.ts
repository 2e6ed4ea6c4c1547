import { delay } from "./time.ts";

export interface PollerOptions {
  /** For the log. */
  name: string;
  /** One pass; true when there may be more to do at once. */
  pass: (signal: AbortSignal) => Promise<boolean>;
  /** How long to rest after a pass that found nothing, unless woken. */
  idleMs: number;
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
  private rest = new AbortController();
  private running: Promise<void> | null = null;

  constructor(options: PollerOptions) {
    this.options = options;
  }

  start(): void {
    this.running ??= this.loop();
  }

  /** There is work: ends the present rest, or makes the next one be skipped. */
  wake(): void {
    this.rest.abort();
  }

  /** Resolves when the pass in flight has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.rest.abort();
    await this.running;
  }

  private async loop(): Promise<void> {
    const { pass, idleMs, onError, onPass } = this.options;
    let failures = 0;
    while (!this.stopping.signal.aborted) {
      this.rest = new AbortController();
      let more = false;
      try {
        more = await pass(this.stopping.signal);
        failures = 0;
        onPass?.();
      } catch (error) {
        failures += 1;
        onError(error);
      }
      if (this.stopping.signal.aborted) return;
      if (failures > 0) await delay(idleMs * Math.min(30, 2 ** (failures - 1)), this.stopping.signal);
      else if (!more) await delay(idleMs, this.rest.signal);
    }
  }
}
