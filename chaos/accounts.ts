import type { Session } from "../contracts/auth.ts";
import { delay } from "../lib/time.ts";
import type { Caller, Identity } from "./caller.ts";

const password = "correct horse battery staple";
/** How long before its end a token is renewed. */
const renewBeforeMs = 180_000;
const registeredAtOnce = 4;
const longestTokenWaitMs = 100;

/** Somebody with an account; keeps signed in by itself. */
export class Account implements Identity {
  readonly index: number;
  readonly email: string;
  readonly password: string;
  readonly #caller: Caller;
  #session: { access: string; refresh: string; endsAtMs: number } | null = null;
  #renewal: Promise<string | null> | null = null;

  constructor(caller: Caller, who: { index: number; email: string; password: string }) {
    this.#caller = caller;
    this.index = who.index;
    this.email = who.email;
    this.password = who.password;
  }

  async token(): Promise<string | null> {
    const session = this.#session;
    if (session && session.endsAtMs - Date.now() > renewBeforeMs) return session.access;
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  forget(token: string): void {
    if (this.#session?.access === token) this.#session = null;
  }

  take(session: Session): void {
    this.#session = {
      access: session.accessToken,
      refresh: session.refreshToken,
      endsAtMs: Date.now() + session.expiresIn * 1_000,
    };
  }

  /** A session of its own, beside the one this account works with. */
  async logIn(): Promise<Session | null> {
    const { email, password: secret, index } = this;
    const body = { email, password: secret };
    const done = await this.#caller.do({
      kind: "log in",
      method: "POST",
      path: "/auth/login",
      body,
      as: null,
      person: index,
    });
    return done.outcome === "ok" ? (done.body as Session) : null;
  }

  async #renew(): Promise<string | null> {
    const session = (this.#session && (await this.#refresh(this.#session.refresh))) ?? (await this.logIn());
    if (session) this.take(session);
    else await delay(longestTokenWaitMs);
    return session?.accessToken ?? null;
  }

  /** Null when the refresh token is not valid any more, as when the answer to the last use of it was lost. */
  async #refresh(refreshToken: string): Promise<Session | null> {
    const { index } = this;
    const body = { refreshToken };
    const done = await this.#caller.do({
      kind: "refresh",
      method: "POST",
      path: "/auth/refresh",
      body,
      as: null,
      person: index,
    });
    return done.outcome === "ok" ? (done.body as Session) : null;
  }
}

/** The administrator, and so many registered customers. */
export async function openAccounts(
  caller: Caller,
  { gateway, admin, count }: { gateway: string; admin: { email: string; password: string }; count: number },
): Promise<{ admin: Account; people: Account[] }> {
  const people: Account[] = [];
  const run = Date.now().toString(36);
  const numbers = Array.from({ length: count }, (_, index) => index);
  const lane = async (): Promise<void> => {
    for (let index = numbers.shift(); index !== undefined; index = numbers.shift()) {
      const account = new Account(caller, { index, email: `shopper-${run}-${index}@example.com`, password });
      const response = await fetch(`${gateway}/api/v1/auth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email: account.email, password, name: `Shopper ${index}` }),
        signal: AbortSignal.timeout(30_000),
      });
      if (response.status !== 201) throw new Error(`registering answered ${response.status}: ${await response.text()}`);
      account.take((await response.json()) as Session);
      people[index] = account;
    }
  };
  await Promise.all(Array.from({ length: registeredAtOnce }, lane));
  return { admin: new Account(caller, { index: -1, ...admin }), people };
}
