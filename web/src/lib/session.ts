import { computed, signal } from "@preact/signals";
import type { Session } from "../../../contracts/auth.ts";
import type { Profile } from "../../../contracts/users.ts";
import { send } from "./http.ts";
import { Problem } from "./problem.ts";
import { forget, onRememberedElsewhere, recall, remember } from "./storage.ts";

// Who is signed in. All tabs share one session: whichever needs a new access token first gets it for all.

interface Kept {
  user: Profile;
  accessToken: string;
  refreshToken: string;
  endsAtMs: number;
}

const name = "session";
const kept = signal(recall<Kept>(name));
onRememberedElsewhere(name, () => (kept.value = recall<Kept>(name)));

export const user = computed(() => kept.value?.user ?? null);
const hasRole = (role: string) => computed(() => user.value?.roles.some((one) => one === role) ?? false);
export const isAdmin = hasRole("admin");
const isSupport = hasRole("support");
export const isStaff = computed(() => isAdmin.value || isSupport.value);

/** A new one is got this long before the old one ends. */
const renewBeforeMs = 30_000;

function keep(session: Session | null): void {
  if (session === null) {
    kept.value = null;
    forget(name);
    return;
  }
  const { user: profile, accessToken, refreshToken, expiresIn } = session;
  kept.value = { user: profile, accessToken, refreshToken, endsAtMs: Date.now() + expiresIn * 1000 };
  remember(name, kept.value);
}

/** What the server now says of the person signed in; of anybody else, who has gone meanwhile, nothing is kept. */
export function keepProfile(profile: Profile): void {
  if (kept.value?.user.id !== profile.id) return;
  kept.value = { ...kept.value, user: profile };
  remember(name, kept.value);
}

export async function signIn(credentials: { email: string; password: string }): Promise<void> {
  keep(await send<Session>("POST", "/auth/login", { body: credentials }));
}

export async function register(person: {
  email: string;
  password: string;
  name: string;
  locale: string;
}): Promise<void> {
  keep(await send<Session>("POST", "/auth/register", { body: person }));
}

/** Signs out here whatever the server says: whoever leaves must not stay signed in because it cannot be reached. */
export async function signOut(): Promise<void> {
  const refreshToken = kept.value?.refreshToken;
  keep(null);
  if (refreshToken === undefined) return;
  await send("POST", "/auth/logout", { body: { refreshToken } }).catch(() => undefined);
}

/** The session is over, by the server's word. */
export const endSession = (): void => keep(null);

/** A token that is good for a while yet, or null when nobody is signed in. */
export async function accessToken(): Promise<string | null> {
  const now = kept.value;
  if (!now) return null;
  if (now.endsAtMs - Date.now() > renewBeforeMs) return now.accessToken;
  return renewed(now.accessToken);
}

let renewing: Promise<string | null> | null = null;

/** A new token instead of one that is, or soon will be, no good. */
export function renewed(old: string): Promise<string | null> {
  renewing ??= alone(() => renew(old)).finally(() => (renewing = null));
  return renewing;
}

async function renew(old: string): Promise<string | null> {
  const now = recall<Kept>(name) ?? kept.value;
  if (!now) return null;
  if (now.accessToken !== old) {
    // another tab was quicker
    kept.value = now;
    return now.accessToken;
  }
  const next = await refreshed(now.refreshToken);
  // who signed in or out meanwhile stays so
  if (recall<Kept>(name)?.refreshToken === now.refreshToken) keep(next);
  return kept.value?.accessToken ?? null;
}

/** The session that goes on from this one; null when the server says it is over. */
async function refreshed(refreshToken: string): Promise<Session | null> {
  try {
    return await send<Session>("POST", "/auth/refresh", { body: { refreshToken } });
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return null;
    throw error;
  }
}

/** One tab at a time, where the browser can say so: not over plain HTTP from another machine. */
function alone<T>(work: () => Promise<T>): Promise<T> {
  const locks = (navigator as Partial<Navigator>).locks;
  return locks ? locks.request("hub-session", work) : work();
}
