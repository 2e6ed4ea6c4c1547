import type { Session } from "../contracts/auth.ts";
import { Poller } from "../lib/poller.ts";
import { delay } from "../lib/time.ts";
import type { Account } from "./accounts.ts";
import { judge, type Caller } from "./caller.ts";
import type { Gateways } from "./gateways.ts";
import type { History } from "./history.ts";

/** By then a revocation holds on every gateway, and a little. */
const revokedWithinMs = 6_000;
const visitEveryMs = 4_000;
/** Fewer than one address may make in a minute, so that nobody else is kept out. */
const guessEveryMs = 7_000;

/** A revoked token that still opened something. */
export const accepted = "ACCEPTED";

export interface ProbeOptions {
  caller: Caller;
  gateways: Gateways;
  /** Nobody else speaks for it. */
  visitor: Account;
  /** Whose password is guessed. */
  victim: Account;
  ending: AbortSignal;
}

/** Asks all the time whether what is to be refused is refused. */
export function securityProbes({ caller, gateways, visitor, victim, ending }: ProbeOptions): Poller[] {
  const { history } = caller;

  const visit = async (): Promise<void> => {
    const session = await visitor.logIn();
    if (!session) return;
    const body = { refreshToken: session.refreshToken };
    const ask = {
      kind: "log out",
      method: "POST",
      path: "/auth/logout",
      body,
      as: null,
      person: visitor.index,
    } as const;
    const { outcome } = await caller.do(ask);
    if (outcome !== "ok") return;
    await delay(revokedWithinMs, ending);
    if (ending.aborted) return;
    await Promise.all(gateways.urls.map((_url, at) => tryRevoked(session, at)));
  };

  const tryRevoked = async (session: Session, at: number): Promise<void> => {
    const operation = history.begin("revoked token", { person: visitor.index });
    const ask = { method: "GET", path: "/users/me", token: session.accessToken, at } as const;
    const { one, result } = await caller.send(operation, ask);
    const { status, why } = judge(result);
    if (status === 401) history.ok(operation, one, status);
    else if (status !== null && status < 300) history.fail(operation, one, status, accepted);
    else history.info(operation, one, status, why);
  };

  const guess = async (): Promise<void> => {
    const operation = history.begin("wrong password", { person: victim.index });
    const body = { email: victim.email, password: "not the password" };
    const { one, result } = await caller.send(operation, { method: "POST", path: "/auth/login", body });
    const { status, why } = judge(result);
    if (status === 401 || status === 429) history.ok(operation, one, status);
    else if (status !== null && status < 300) history.fail(operation, one, status, accepted);
    else history.info(operation, one, status, why);
  };

  const probe = (name: string, idleMs: number, work: () => Promise<void>): Poller =>
    new Poller({ name, idleMs, pass: () => work().then(() => false), onError: () => undefined });
  return [probe("visits", visitEveryMs, visit), probe("guesses", guessEveryMs, guess)];
}

/** How many guesses were looked at in the worst `windowMs`; the others were refused unseen. */
export function mostGuesses(history: Pick<History, "operations">, windowMs: number): number {
  const seenAtMs = history.operations
    .filter(({ kind }) => kind === "wrong password")
    .flatMap(({ tries }) => tries.filter(({ status }) => status === 401).map(({ startedAtMs }) => startedAtMs));
  let most = 0;
  for (let first = 0, next = 0; next < seenAtMs.length; next += 1) {
    while ((seenAtMs[next] ?? 0) - (seenAtMs[first] ?? 0) >= windowMs) first += 1;
    most = Math.max(most, next - first + 1);
  }
  return most;
}
