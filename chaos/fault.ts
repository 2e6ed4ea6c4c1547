import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** What a fault may cost; what is not said here is held to the invariants alone. */
export interface FaultLimits {
  /** From the end of the fault to 20 successes in a row. */
  recoverWithinMs: number;
  /** While it is on: from its beginning until an order is placed again, through whichever gateway. */
  servesWithinMs?: number;
  /** Of the orders that were begun while it was on, how many in a hundred are placed, tries with the same key included. */
  placedPercent?: number;
  /** How long a call may take while it is on. */
  callMs: number;
  /** No request may fail: clients see that nothing happened. */
  seamless?: boolean;
}

/** What two faults must not have in common to be on at the same time. */
export type Target = "nodes" | "database" | "redis" | "rabbitmq" | "nats" | "provider" | "mail" | "load";

/** What a fault asks of the clients. Each resolves when it is done, and never rejects because requests fail. */
export interface LoadControl {
  /** So many times the usual arrivals for so long. */
  burst(factor: number, forMs: number): Promise<void>;
  /** New orders, each asked for by several requests with the same key at the same moment, over all gateways. */
  copies(orders: number, copiesOfEach: number): Promise<void>;
  /** New orders whose clients hang up once they have sent the request, and ask again with the key afterwards. */
  abandon(orders: number): Promise<void>;
  /** New orders that are paid with this token of the sandbox. */
  payWith(token: string, orders: number): Promise<void>;
  /** Resolves with when the 20th success in a row after `afterMs` came; null when none came before the signal. */
  recovery(afterMs: number, signal: AbortSignal): Promise<number | null>;
}

/** What a fault has to work with. */
export interface Site {
  world: World;
  load: LoadControl;
  random: Random;
  /** What a person reading the report wants to know of this time: which node, how many. */
  note: (text: string) => void;
  /** Aborted when the run is to end early. */
  signal: AbortSignal;
}

/** Ends what the fault began, with whoever was ended started again. */
export type Heal = () => Promise<void>;

export interface Fault {
  name: string;
  /** One sentence: what happens to whom. */
  about: string;
  targets: readonly Target[];
  limits: FaultLimits;
  /** How long it is on, drawn between these. */
  holdMs: readonly [least: number, most: number];
  /** Draws of this fault in each round through all of them; 1 when absent. */
  weight?: number;
  inject(site: Site): Promise<Heal>;
}
