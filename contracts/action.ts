import type { Static, TSchema } from "@sinclair/typebox";
import type { ProblemCode } from "./problem-titles.ts";

/**
 * Who may call an action: anyone; anyone signed in; who owns what it is about, with or without support and
 * administrators; support and administrators; administrators; or only other services, in which case no route can lead
 * to it.
 */
export type Access = (typeof accesses)[number];
const accesses = ["public", "user", "owner", "owner-or-staff", "staff", "admin", "internal"] as const;

/** Nothing checks the types of a program that runs: an action that says nothing must not be open to everyone. */
export const saysWhoMayCall = ({ access }: { access: string }): boolean =>
  (accesses as readonly string[]).includes(access);

/**
 * The one description of an action. Its `params` validate, and with `result` and `summary` they become the OpenAPI
 * document and the REPL's help.
 */
export interface ActionContract<P extends TSchema = TSchema, R extends TSchema = TSchema> {
  summary: string;
  access: Access;
  params: P;
  result: R;
  /** How long a caller waits; the broker's default when absent. */
  timeoutMs?: number;
  /** Safe to run twice, so a caller may try another node after a time-out. */
  retryable?: true;
  /** Answers are kept by these parameters. Only what is the same for everyone: a kept one asks nobody who it is for. */
  cache?: { keys: readonly string[]; ttlSeconds: number };
  /** How many of these a node does at a time, and how many may wait for that; who comes then is refused at once. */
  bulkhead?: { atOnce: number; waiting: number };
  /** Codes of refusals, beyond those every route can give. */
  refusals?: readonly ProblemCode[];
}

export const action = <P extends TSchema, R extends TSchema>(contract: ActionContract<P, R>) => contract;

export type TypesOf<D> = {
  [N in keyof D]: D[N] extends ActionContract<infer P, infer R> ? { params: Static<P>; result: Static<R> } : never;
};
