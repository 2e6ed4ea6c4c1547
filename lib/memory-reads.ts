import type { ActionName, Actions, Identity } from "../contracts/bus.ts";

/**
 * What an action would answer this caller now, if that is in this process's memory and good by the action's own rules;
 * undefined where a call has to find out. It must not change anything.
 */
export type Peek<N extends ActionName> = (
  params: Actions[N]["params"],
  caller: Identity | null,
) => Actions[N]["result"] | undefined;

/** Answers that the services of a process can give at once, without a call. Services on other nodes offer nothing here. */
export interface MemoryReads {
  offer<N extends ActionName>(action: N, peek: Peek<N>): void;
  /** For a service that stops. */
  withdraw(action: ActionName): void;
  peekOf<N extends ActionName>(action: N): Peek<N> | undefined;
  /** Has a request been answered by a peek, it counts like a call of the action. */
  answered: (action: ActionName, tookMs: number) => void;
}

export function memoryReads(answered: MemoryReads["answered"]): MemoryReads {
  const offers = new Map<ActionName, unknown>();
  return {
    offer: (action, peek) => void offers.set(action, peek),
    withdraw: (action) => void offers.delete(action),
    peekOf: <N extends ActionName>(action: N) => offers.get(action) as Peek<N> | undefined,
    answered,
  };
}

const readsOfBrokers = new WeakMap<object, MemoryReads>();

export const attachMemoryReads = (broker: object, reads: MemoryReads): void => void readsOfBrokers.set(broker, reads);

export function memoryReadsOf(broker: object): MemoryReads {
  const reads = readsOfBrokers.get(broker);
  if (!reads) throw new Error("this broker was not made by brokerOptions()");
  return reads;
}
