import { Problem } from "./problem.ts";
import { forget, recall, remember } from "./storage.ts";

interface Kept {
  key: string;
  /** What was asked under it: another request must have another key. */
  body: string;
}

/**
 * Sends what must not be done twice under a key that is kept, also across a reload, until the server has answered for
 * good. Whoever tries again after a lost connection gets the answer of the first try.
 */
export async function once<T>(purpose: string, body: unknown, ask: (key: string) => Promise<T>): Promise<T> {
  const name = `key:${purpose}`;
  const text = JSON.stringify(body);
  const before = recall<Kept>(name);
  const kept = before?.body === text ? before : { key: crypto.randomUUID(), body: text };
  remember(name, kept);
  try {
    const answer = await ask(kept.key);
    forget(name);
    return answer;
  } catch (error) {
    if (error instanceof Problem && isFinal(error)) forget(name);
    throw error;
  }
}

/** A 5xx, or one that says to come again, leaves open what became of it. */
const isFinal = ({ status, code }: Problem): boolean =>
  status < 500 && status !== 429 && status !== 401 && code !== "IDEMPOTENCY_KEY_IN_FLIGHT";
