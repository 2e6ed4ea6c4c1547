import type { ActionSchema, Context, Middleware } from "moleculer";
import type { Access } from "../contracts/action.ts";
import type { Identity, Meta } from "../contracts/bus.ts";
import { DomainError } from "../lib/errors.ts";
import { toBusError } from "./domain-errors.middleware.ts";

type Handler = (ctx: Context<unknown, Meta>) => Promise<unknown>;

/**
 * Refuses a caller an action is not open to. The gateway asks first; every node asks again, so that a route that leads
 * where it should not, or a call from a REPL, meets the same rule.
 */
export const guard: Middleware = {
  name: "Guard",
  localAction(next: Handler, action: ActionSchema & { access?: Access }) {
    const { access } = action;
    if (access === undefined || access === "public" || access === "internal") return next;
    return (ctx: Context<unknown, Meta>) => {
      const refusal = refusalOf(access, ctx.meta.user);
      return refusal ? Promise.reject(toBusError(refusal)) : next(ctx);
    };
  },
};

/** Why `user` may not call what is open to `access`; null when they may. */
export function refusalOf(access: Access, user: Identity | null | undefined): DomainError | null {
  if (access === "public") return null;
  if (access === "internal") return new DomainError("not_found", "NOT_FOUND", "There is nothing here.");
  if (!user) return new DomainError("unauthenticated", "UNAUTHENTICATED", "Sign in to do this.");
  if (access === "user") return null;
  const allowed = access === "staff" ? ["support", "admin"] : ["admin"];
  return user.roles.some((role) => allowed.includes(role))
    ? null
    : new DomainError("forbidden", "FORBIDDEN", "Your role does not allow this.");
}

/** Who is signed in; for actions whose contract says that somebody is. */
export function signedIn(ctx: { meta: Meta }): Identity {
  const { user } = ctx.meta;
  if (!user) throw new DomainError("unauthenticated", "UNAUTHENTICATED", "Sign in to do this.");
  return user;
}

export const isStaff = (user: Identity): boolean => user.roles.includes("support") || user.roles.includes("admin");
