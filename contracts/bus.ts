import type { Static } from "@sinclair/typebox";
import type { CallingOptions, Context, Service, ServiceBroker, ServiceSchema } from "moleculer";
import { cacheEvents } from "../lib/cache-events.ts";
import type { Tx } from "../lib/database.ts";
import { saysWhoMayCall, type ActionContract, type TypesOf } from "./action.ts";
import { authActions } from "./auth.ts";
import type { CloudEvent, Consumer, SubscribedBy } from "./events.ts";
import { gatewayActions } from "./gateway.ts";
import { inventoryActions } from "./inventory.ts";
import { notifyActions } from "./notify.ts";
import { opsActions } from "./ops.ts";
import { orderActions } from "./orders.ts";
import { paymentActions } from "./payments.ts";
import { productActions } from "./products.ts";
import type { Role } from "./shapes.ts";
import { userActions } from "./users.ts";

/** Everything one service can ask of another, and all that a route can lead to. */
export const contracts = {
  ...authActions,
  ...userActions,
  ...productActions,
  ...inventoryActions,
  ...orderActions,
  ...paymentActions,
  ...notifyActions,
  ...opsActions,
  ...gatewayActions,
};

export type Actions = TypesOf<typeof contracts>;
export type ActionName = keyof Actions;

export const serviceNames = [
  "gateway",
  "auth",
  "users",
  "products",
  "inventory",
  "orders",
  "payments",
  "notify",
  "ops",
] as const;
export type ServiceName = (typeof serviceNames)[number];

export const contractOf = (name: string): ActionContract | undefined =>
  Object.hasOwn(contracts, name) ? contracts[name as ActionName] : undefined;

type Args<P> =
  Record<never, never> extends P ? [params?: P, opts?: CallingOptions] : [params: P, opts?: CallingOptions];

/** Service calls, checked against the contracts. At most once, and may time out after they took effect. */
export interface Bus {
  call<N extends ActionName>(name: N, ...args: Args<Actions[N]["params"]>): Promise<Actions[N]["result"]>;
}

/** A broker whose calls are checked against the contracts. */
export type AppBroker = Omit<ServiceBroker, keyof Bus> & Bus;

export type Role = Static<typeof Role>;

/** Who is signed in, as the gateway verified it. */
export interface Identity {
  id: string;
  roles: Role[];
  sessionId: string;
}

/** What travels with every call of one request. */
export interface Meta {
  user?: Identity | null;
  /** The client's address as seen through the configured number of proxies. */
  clientAddress?: string;
  idempotencyKey?: string;
  traceparent?: string;
  /** When the client's patience ends: work that was not begun by then is not begun. */
  deadlineMs?: number;
  $statusCode?: number;
  $location?: string;
  $responseHeaders?: Record<string, string>;
}

/** A Moleculer context whose calls are checked against the contracts. */
export type Ctx<P = unknown> = Omit<Context<P, Meta>, keyof Bus> & Bus;

type HandlersOf<S extends ServiceName> = {
  [N in ActionName as N extends `${S}.${infer A}` ? A : never]: (
    ctx: Ctx<Actions[N]["params"]>,
  ) => Actions[N]["result"] | Promise<Actions[N]["result"]>;
};

/** An entry of the consumer's inbox: `record` it in the transaction that applies the event. */
export interface Delivery {
  readonly eventId: string;
  /** True when the event is new; false when it was applied before, and then nothing may be done. */
  record(tx: Tx): Promise<boolean>;
  /** The same for all deliveries of the consumer that share a transaction; answers with the new ones. */
  recordAll(tx: Tx, deliveries: readonly Delivery[]): Promise<ReadonlySet<Delivery>>;
  /** For an event that needs nothing done, now or ever: it is recorded with others like it. */
  settled(): Promise<void>;
}

type ConsumersOf<S> = S extends Consumer
  ? { consumes: { [T in SubscribedBy<S>]: (event: CloudEvent<T>, delivery: Delivery) => Promise<void> } }
  : { consumes?: never };

type Definition<S extends ServiceName> = Omit<
  ServiceSchema,
  "name" | "actions" | "events" | "created" | "started" | "stopped"
> & {
  name: S;
  actions: HandlersOf<S>;
  events?: Record<string, (ctx: Ctx<never>) => void | Promise<void>>;
  created?: () => void;
  started?: () => Promise<void> | void;
  stopped?: () => Promise<void> | void;
} & ConsumersOf<S>;

/**
 * A service: one handler for each action of its contract, none missing and none extra, and one consumer for each event
 * it subscribes to. `Vars` are the members that `started` puts on `this`. Mixins start in the order they are named in, before
 * the service's own `started`, and stop in the opposite one, after its own `stopped`.
 */
export function defineService<S extends ServiceName, Vars extends object = Record<never, never>>(
  definition: Definition<S> & ThisType<Omit<Service, "broker"> & Vars & { broker: AppBroker }>,
): ServiceSchema {
  const handlers = definition.actions as Record<string, (ctx: never) => unknown>;
  const actions: Record<string, object> = {};
  const events = { ...definition.events };
  for (const [short, handler] of Object.entries(handlers)) {
    const contract = contractOf(`${definition.name}.${short}`);
    if (!contract) throw new Error(`action ${definition.name}.${short} has no contract`);
    if (!saysWhoMayCall(contract)) throw new Error(`action ${definition.name}.${short} does not say who may call it`);
    const { summary, access, params, timeoutMs, retryable, cache, bulkhead } = contract;
    actions[short] = {
      summary,
      access,
      params,
      handler,
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
      ...(bulkhead
        ? { bulkhead: { enabled: true, concurrency: bulkhead.atOnce, maxQueueSize: bulkhead.waiting } }
        : {}),
      ...(retryable ? { retryPolicy: { enabled: true } } : {}),
      ...(cache ? { cache: { keys: cache.keys, ttl: cache.ttlSeconds } } : {}),
    };
    if (!cache) continue;
    // a kept answer is given before anybody is asked whether the caller may have it
    if (access !== "public" && access !== "internal") throw new Error(`${definition.name}.${short} must not be cached`);
    Object.assign(events, cacheEvents);
  }
  // Moleculer starts the last mixin of a list first; here each counts on the ones named before it.
  return { ...definition, actions, events, mixins: definition.mixins?.toReversed() };
}
