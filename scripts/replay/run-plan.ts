import { messageOf } from "../../lib/errors.ts";
import type { Plan, PlannedOrder } from "./plan.ts";
import type { Placed, Shopper } from "./shopper.ts";

/** What came of one planned order. */
export interface Outcome {
  planned: PlannedOrder;
  placed: Placed | null;
  /** Why it could not be placed or paid. */
  failure: string | null;
}

/**
 * Buys everything that is planned: `lanes` customers at once, the invoices of one customer one after another, the largest
 * one last and alone. An order that fails does not keep the others from being placed.
 */
export async function runPlan(
  { orders, largest }: Plan,
  shopper: Shopper,
  { lanes, onDone }: { lanes: number; onDone: (outcome: Outcome) => void },
): Promise<{ outcomes: Outcome[]; largest: Outcome | null }> {
  const outcomes: Outcome[] = [];
  const waiting = [...Map.groupBy(orders, ({ customer }) => customer)].toSorted(([, a], [, b]) => b.length - a.length);

  const shop = async (customer: string, invoices: readonly PlannedOrder[]): Promise<Outcome[]> => {
    const done: Outcome[] = [];
    const tell = (outcome: Outcome): void => {
      done.push(outcome);
      onDone(outcome);
    };
    const token = await attempt(() => shopper.signIn(customer));
    for (const planned of invoices) {
      if (token.value === null) {
        tell({ planned, placed: null, failure: token.failure });
        continue;
      }
      const { value } = token;
      const { value: placed, failure } = await attempt(() => shopper.buy(planned, value));
      tell({ planned, placed, failure });
    }
    return done;
  };
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) outcomes.push(...(await shop(...next)));
  };

  await Promise.all(Array.from({ length: lanes }, lane));
  const [last = null] = largest ? await shop(largest.customer, [largest]) : [];
  return { outcomes, largest: last };
}

type Attempt<T> = { value: T; failure: null } | { value: null; failure: string };

async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await work(), failure: null };
  } catch (error) {
    return { value: null, failure: messageOf(error) };
  }
}
