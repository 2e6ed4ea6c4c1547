import { signal } from "@preact/signals";
import { delay } from "./time.ts";

/** False from the first request without an answer until the server answers again. */
export const connected = signal(true);

/** Counts how often the connection came back: what is shown may be old then. */
export const returns = signal(0);

const probeEveryMs = 1_500;
const probeWithinMs = 4_000;

/** Says that a request had no answer; asks from then on until there is one. */
export function lost(): void {
  if (!connected.value) return;
  connected.value = false;
  void probe();
}

export function found(): void {
  if (connected.value) return;
  connected.value = true;
  returns.value += 1;
}

async function probe(): Promise<void> {
  while (!connected.value) {
    await delay(probeEveryMs);
    try {
      const { ok } = await fetch("/health/live", { signal: AbortSignal.timeout(probeWithinMs), cache: "no-store" });
      if (ok) found();
    } catch {
      // still away
    }
  }
}
