import { useEffect, useRef, useState } from "preact/hooks";
import { returns } from "./connection.ts";
import { delay } from "./time.ts";

export interface Loaded<T> {
  value: T | undefined;
  error: unknown;
  isLoading: boolean;
  /** Asks again, and shows what there was meanwhile. */
  reload: () => void;
  /** Shows this instead, which the server has just answered with. */
  set: (value: T) => void;
}

interface Options {
  /** Asks again this often, while the page is in sight. */
  everyMs?: number;
}

/** What the server has, asked anew when `deps` change and when a lost connection is back. */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  deps: readonly unknown[],
  { everyMs }: Options = {},
): Loaded<T> {
  const [state, setState] = useState<{ value: T | undefined; error: unknown; of: string }>({
    value: undefined,
    error: null,
    of: "",
  });
  const [turn, setTurn] = useState(0);
  const [isLoading, setLoading] = useState(true);
  const newest = useRef(load);
  newest.current = load;
  const of = JSON.stringify(deps);
  const returned = returns.value;

  useEffect(() => {
    const gone = new AbortController();
    const ask = async (): Promise<void> => {
      setLoading(true);
      try {
        const value = await newest.current(gone.signal);
        if (!gone.signal.aborted) setState({ value, error: null, of });
      } catch (error) {
        // what was shown stays, beside the word that it is old
        if (!gone.signal.aborted)
          setState((before) => ({ value: before.of === of ? before.value : undefined, error, of }));
      }
      if (!gone.signal.aborted) setLoading(false);
    };
    const go = async (): Promise<void> => {
      await ask();
      while (everyMs !== undefined && !gone.signal.aborted) {
        await delay(everyMs, gone.signal);
        if (!gone.signal.aborted && document.visibilityState === "visible") await ask();
      }
    };
    void go();
    return () => gone.abort();
  }, [of, turn, returned, everyMs]);

  return {
    value: state.of === of ? state.value : undefined,
    error: state.of === of ? state.error : null,
    isLoading,
    reload: () => setTurn((n) => n + 1),
    set: (value) => setState({ value, error: null, of }),
  };
}
