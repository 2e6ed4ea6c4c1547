import { type Context, Errors, type Middleware } from "moleculer";
import { DomainError, statusOf } from "../lib/errors.ts";

type Handler = (ctx: Context) => Promise<unknown>;

/**
 * Turns refusals into errors that survive the way to another node: of a plain Error only the message would arrive, of
 * a MoleculerClientError its status, code and data do.
 */
export const domainErrors: Middleware = {
  name: "DomainErrors",
  localAction(next: Handler) {
    return async (ctx: Context) => {
      try {
        return await next(ctx);
      } catch (error) {
        throw error instanceof DomainError ? toBusError(error) : error;
      }
    };
  },
};

export function toBusError({ kind, code, message, data }: DomainError): Error {
  const status = statusOf[kind];
  return status >= 500
    ? new Errors.MoleculerRetryableError(message, status, code, data)
    : new Errors.MoleculerClientError(message, status, code, data);
}
