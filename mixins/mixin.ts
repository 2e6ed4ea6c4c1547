import type { Context, Service, ServiceSchema } from "moleculer";

interface MixinParts {
  actions?: Record<
    string,
    | false
    | {
        access: "internal";
        params?: object;
        timeout?: number;
        retryPolicy?: { enabled: boolean };
        handler(ctx: Context<never>): unknown;
      }
  >;
  methods?: Record<string, (...args: never[]) => unknown>;
  created?: () => void;
  started?: () => void | Promise<void>;
  stopped?: () => void | Promise<void>;
  /** Runs once the service's own `started` is through, for what works with the members that one makes. */
  ready?: () => void;
}

/** A part of services, with the members it counts on or puts on `this` as `Members`. */
export function mixin<Members extends object>(parts: MixinParts & ThisType<Service & Members>): Partial<ServiceSchema> {
  const { ready, ...schema } = parts;
  if (!ready) return schema as Partial<ServiceSchema>;
  // By the time of `merged`, the service's own handler is the last of the list.
  const merged = (service: ServiceSchema): void => {
    service.started = [service.started ?? []].flat().concat(ready);
  };
  return { ...schema, merged } as Partial<ServiceSchema>;
}
