// For `node --import`: from here on, the process's clock is wrong by the milliseconds of the query `ms`. Timers and
// `performance.now()` go as before, as they do on a machine whose wall clock is wrong.

const skewMs = Number(new URL(import.meta.url).searchParams.get("ms"));
if (!Number.isSafeInteger(skewMs)) throw new Error("skewed-clock.ts is asked for as ?ms=<whole number>");

const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given: unknown[]) {
    super(...((given.length === 0 ? [RealDate.now() + skewMs] : given) as []));
  }

  static override now(): number {
    return RealDate.now() + skewMs;
  }
} as DateConstructor;
