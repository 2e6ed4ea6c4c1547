import type { Context, Service } from "moleculer";
import type { ActionContract, TypesOf } from "../contracts/action.ts";
import type { Meta } from "../contracts/bus.ts";

type Answers<D, Members> = {
  [N in keyof TypesOf<D>]: TypesOf<D>[N] extends { params: infer P; result: infer R }
    ? (this: Service & Members, params: P, ctx: Context<P, Meta>) => R | Promise<R>
    : never;
};

interface InternalAction {
  access: "internal";
  params: object;
  timeout?: number;
  retryPolicy?: { enabled: boolean };
  handler(ctx: Context<never>): unknown;
}

/** The actions that a mixin brings, as their contracts describe them. */
export function answers<Members extends object, D extends Record<string, ActionContract>>(
  contracts: D,
  handlers: Answers<D, Members>,
): Record<string, InternalAction> {
  const byName = handlers as unknown as Record<string, (this: unknown, params: unknown, ctx: unknown) => unknown>;
  return Object.fromEntries(
    Object.entries(contracts).map(([name, { params, timeoutMs, retryable }]) => [
      name,
      {
        access: "internal" as const,
        params,
        ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
        ...(retryable ? { retryPolicy: { enabled: true } } : {}),
        handler(this: unknown, ctx: { params: unknown }) {
          return byName[name]?.call(this, ctx.params, ctx);
        },
      },
    ]),
  );
}
