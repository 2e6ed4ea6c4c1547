import { type CallingOptions, type Context, Errors, type Middleware } from "moleculer";
import type { Meta } from "../contracts/bus.ts";

type Handler = (ctx: Context<unknown, Meta>) => Promise<unknown>;
type Call = (name: string, params: unknown, options?: CallingOptions) => Promise<unknown>;

/**
 * Lets no work begin that nobody waits for any more. Moleculer passes on how long a caller still waits, but not through
 * the queues that a request may lie in: of a transporter that was away, of a node that stood still.
 */
export const deadline: Middleware = {
  name: "Deadline",
  call(next: Call) {
    return (name: string, params: unknown, options: CallingOptions = {}) => {
      const { ctx, parentCtx, meta } = options;
      const leftMs = leftOf((ctx ?? parentCtx)?.meta ?? meta);
      if (leftMs <= 0) return Promise.reject(tooLate(name));
      // a second try comes with the first one's context, and would have the whole time again
      if (ctx) ctx.options = bounded(ctx.options, leftMs);
      return next(name, params, bounded(options, leftMs));
    };
  },
  localAction(next: Handler, { name }: { name?: string }) {
    return (ctx: Context<unknown, Meta>) =>
      leftOf(ctx.meta) > 0 ? next(ctx) : Promise.reject(tooLate(name ?? ctx.action?.name ?? ""));
  },
} as unknown as Middleware;

const leftOf = ({ deadlineMs }: Meta = {}): number =>
  typeof deadlineMs === "number" ? deadlineMs - Date.now() : Infinity;

/** Where nothing is said, the action's own limit counts. */
const bounded = (options: CallingOptions, leftMs: number): CallingOptions =>
  options.timeout && options.timeout > leftMs ? { ...options, timeout: leftMs } : options;

const tooLate = (action: string): Error => new Errors.RequestSkippedError({ action, nodeID: "" });
