import type { Context, Service, ServiceSchema } from "moleculer";

interface MixinParts {
  actions?: Record<
    string,
    false | { access: "internal"; retryPolicy?: { enabled: boolean }; handler(ctx: Context<never>): unknown }
  >;
  methods?: Record<string, (...args: never[]) => unknown>;
  created?: () => void;
  started?: () => void | Promise<void>;
  stopped?: () => void | Promise<void>;
}

/** A part of services, with the members it counts on or puts on `this` as `Members`. */
export function mixin<Members extends object>(parts: MixinParts & ThisType<Service & Members>): Partial<ServiceSchema> {
  return parts as Partial<ServiceSchema>;
}
