import type { ServiceBroker } from "moleculer";
import type { AppBroker, Identity } from "../contracts/bus.ts";

const id = "00000000-0000-7000-8000-000000000000";

/** Whoever can attach a REPL administers the system. */
export const operator: Identity = { id, roles: ["admin"], sessionId: id };

interface CallOptions {
  meta?: Record<string, unknown>;
}

/**
 * The broker as the REPL's commands see it: calls are made as the operator unless they name somebody else in `meta.user`,
 * and a stop is what `quit` says it is.
 */
export function asOperator(
  broker: AppBroker,
  { onQuit, onFailedCall }: { onQuit: () => Promise<void>; onFailedCall: () => void },
): ServiceBroker {
  const real: ServiceBroker = broker;
  const call = async (name: string, params?: object, options: CallOptions = {}): Promise<unknown> => {
    try {
      return await real.call(name, params, { ...options, meta: { user: operator, ...options.meta } });
    } catch (error) {
      onFailedCall();
      throw error;
    }
  };
  return new Proxy(real, {
    get: (target, property) =>
      property === "call" ? call : property === "stop" ? onQuit : (Reflect.get(target, property) as unknown),
  });
}
