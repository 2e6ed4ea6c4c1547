import type { ServiceBroker } from "moleculer";
import { contractOf, type AppBroker, type Identity } from "../contracts/bus.ts";

const id = "00000000-0000-7000-8000-000000000000";

/** Whoever can attach a REPL administers the system. */
export const operator: Identity = { id, roles: ["admin"], sessionId: id };

/** A command line has no types: a stock code of digits comes as a number, and goes as the text its action takes. */
function asDescribed(name: string, params?: object): object | undefined {
  const fields = (contractOf(name)?.params as { properties?: Record<string, { type?: string }> } | undefined)
    ?.properties;
  if (!params || !fields) return params;
  return Object.fromEntries(
    Object.entries(params).map(([field, value]: [string, unknown]) => [
      field,
      fields[field]?.type === "string" && typeof value === "number" ? String(value) : value,
    ]),
  );
}

interface CallOptions {
  meta?: Record<string, unknown>;
}

interface Seen {
  onQuit: () => Promise<void>;
  /** Whom calls are made as. */
  caller: () => Identity;
  onAnswer: (answer: unknown) => void;
  onFailedCall: () => void;
}

/**
 * The broker as moleculer-repl's commands see it: calls are made as the terminal's person unless they name somebody else
 * in `meta.user`, and a stop is what `quit` says it is.
 */
export function asOperator(broker: AppBroker, { onQuit, caller, onAnswer, onFailedCall }: Seen): ServiceBroker {
  const real: ServiceBroker = broker;
  const call = async (name: string, params?: object, options: CallOptions = {}): Promise<unknown> => {
    try {
      const answer = await real.call(name, asDescribed(name, params), {
        ...options,
        meta: { user: caller(), ...options.meta },
      });
      onAnswer(answer);
      return answer;
    } catch (error) {
      onFailedCall();
      throw error;
    }
  };
  const shown: Record<string | symbol, unknown> = {
    call,
    stop: onQuit,
    options: withoutPasswords(real.options),
    transit: quietTransit(real),
  };
  return new Proxy(real, {
    get: (target, property) =>
      Object.hasOwn(shown, property) ? shown[property] : (Reflect.get(target, property) as unknown),
  });
}

interface Transit {
  tx?: { opts?: unknown };
}

/** `info` shows how the transporter was made, its URL among it. */
function quietTransit({ transit }: { transit?: Transit }): Transit | undefined {
  if (!transit?.tx) return transit;
  const tx = Object.create(transit.tx, { opts: { value: withoutPasswords(transit.tx.opts) } }) as Transit["tx"];
  return Object.create(transit, { tx: { value: tx } }) as Transit;
}

/** A copy for people to look at, without passwords, alone or in URLs. */
function withoutPasswords(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/(\/\/[^\s/:@]*):[^\s/@]+@/g, "$1:***@");
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const parts = Object.entries(value).map(([name, part]: [string, unknown]) => [
    name,
    /^pass(word)?$|token|secret/i.test(name) && typeof part === "string" ? "***" : withoutPasswords(part),
  ]);
  return Object.fromEntries(parts) as object;
}
