import type { LiveValues } from "../../contracts/settings.ts";
import { normaliseEmail } from "../../lib/email.ts";
import { DomainError } from "../../lib/errors.ts";
import type { AttemptsRepository } from "./attempts.repository.ts";
import { digestOf } from "./tokens.ts";

/** At most `most` attempts of `subject`, a digest of what is limited, within `windowMs`. */
export interface Limit {
  subject: string;
  most: number;
  windowMs: number;
}

const minuteMs = 60_000;

/** The longest window: attempts older than this count nowhere. */
export const longestWindowMs = 15 * minuteMs;

// A caller without an address is not a client but another service or an operator.
const perAddress = (kind: string, address: string | undefined, most: number): Limit[] =>
  address === undefined ? [] : [{ subject: digestOf(`${kind} address ${address}`), most, windowMs: minuteMs }];

export const loginLimits = (allowed: LiveValues, email: string, address: string | undefined): Limit[] => [
  ...perAddress("login", address, allowed.loginFailuresPerAddress),
  {
    subject: digestOf(`login account ${normaliseEmail(email)}`),
    most: allowed.loginFailuresPerAccount,
    windowMs: longestWindowMs,
  },
];

export const registrationLimits = (allowed: LiveValues, address: string | undefined): Limit[] =>
  perAddress("register", address, allowed.registerRateLimit);

/** For somebody who found a signed-in browser and tries passwords in it. */
export const passwordLimits = (allowed: LiveValues, userId: string): Limit[] => [
  { subject: digestOf(`password ${userId}`), most: allowed.loginFailuresPerAccount, windowMs: longestWindowMs },
];

/** For somebody who would fill another one's mailbox. */
export const resetLimit = (userId: string): Limit => ({
  subject: digestOf(`reset ${userId}`),
  most: 5,
  windowMs: longestWindowMs,
});

interface Deps {
  attempts: AttemptsRepository;
}

/** Refuses while any of the limits is reached. `own`: how many of the attempts are the caller's present one. */
export async function assertWithin({ attempts }: Deps, limits: readonly Limit[], own: 0 | 1 = 0): Promise<void> {
  refuseFor(await Promise.all(limits.map((limit) => attempts.waitMs({ ...limit, most: limit.most + own }))));
}

/** Counts an attempt against all limits. */
export async function countAttempt({ attempts }: Deps, limits: readonly Limit[]): Promise<void> {
  await Promise.all(limits.map((limit) => attempts.record(limit)));
}

/** Counts an attempt before it is made, and refuses the one that is too many. */
export async function reserveAttempt({ attempts }: Deps, limits: readonly Limit[]): Promise<void> {
  for (const limit of limits) refuseFor([await attempts.reserve(limit)]);
}

function refuseFor(waitsMs: readonly number[]): void {
  const waitMs = Math.max(0, ...waitsMs);
  if (waitMs === 0) return;
  throw new DomainError("too_many", "RATE_LIMITED", "There were too many attempts; try again later.", {
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  });
}
