import { type ActionSchema, type Context, Errors, type Middleware } from "moleculer";
import { delay } from "../lib/time.ts";

type Handler = (ctx: Context) => Promise<unknown>;

/** By then it has come through which node is leaving, unless this one is very late. */
const tryAfterMs = [20, 100, 300];

/**
 * Has a call that met a node which is leaving, or has just come, made by another one. Such a node says so before anything
 * has begun, so that this is safe for every action, also those that are not to be done twice.
 */
export const elsewhere: Middleware = {
  name: "Elsewhere",
  remoteAction(next: Handler, { name = "" }: ActionSchema) {
    return async (ctx: Context & { triedElsewhere?: number }) => {
      try {
        return await next(ctx);
      } catch (error) {
        const { triedElsewhere: tried = 0 } = ctx;
        const waitMs = tryAfterMs[tried];
        if (waitMs === undefined || !hasNotBegun(error, ctx)) throw error;
        await delay(waitMs);
        const again = Object.assign(ctx.copy(), { triedElsewhere: tried + 1 });
        return ctx.broker.call(name, ctx.params, { ctx: again });
      }
    };
  },
};

/** Only what the node that was asked says of itself: an action may have met another node that leaves amid its work. */
function hasNotBegun(error: unknown, { nodeID, action }: Context): boolean {
  if (!(error instanceof Errors.ServiceNotAvailableError) && !(error instanceof Errors.ServiceNotFoundError))
    return false;
  const data = error.data as { action?: string; nodeID?: string } | undefined;
  return data?.nodeID === nodeID && data?.action === action?.name;
}
