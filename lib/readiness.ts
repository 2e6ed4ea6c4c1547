const holds = new WeakMap<object, Set<string>>();

/** Keeps this broker's node from being called ready until the release is called: there is something to do first. */
export function holdReadiness(broker: object, what: string): () => void {
  const pending = holds.get(broker) ?? new Set<string>();
  holds.set(broker, pending);
  pending.add(what);
  return () => void pending.delete(what);
}

/** What this broker's node still has to do before it is ready. */
export const readinessHeldBy = (broker: object): string[] => [...(holds.get(broker) ?? [])];
