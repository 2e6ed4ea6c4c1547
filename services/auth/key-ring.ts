import { generateKeyPairSync } from "node:crypto";
import type { Jwk } from "../../contracts/auth.ts";
import { accessTokenSeconds, type SigningKey } from "../../lib/access-token.ts";
import type { Note } from "../../lib/audit-log.ts";
import { toIso } from "../../lib/time.ts";
import type { NewId } from "../../lib/ids.ts";
import type { DerivedKeys } from "../../lib/secrets.ts";
import type { KeysRepository, StoredKey } from "./keys.repository.ts";
import { openKey, sealKey } from "./sealed-key.ts";

export const rotationMs = 30 * 24 * 3600_000;

/** How often every node reads the keys again. */
export const reloadMs = 60_000;

/** A new key is published this long before it signs, so that by then every node knows it. */
export const leadMs = 2 * reloadMs;

/** How long a key verifies after the next one began to sign: a token's life, and time for a node that lags behind. */
export const overlapMs = accessTokenSeconds * 1000 + 45 * 60_000;

/** The keys that tokens are signed with, the same on every node. */
export interface KeyRing {
  signer(nowMs: number): SigningKey;
  /** The public keys that tokens in use may have been signed with, or soon will be. */
  published(nowMs: number): Jwk[];
  /** Makes a new key when the newest is old enough, forgets those that verify nothing any more, reads all again. */
  rotateIfDue(nowMs: number, note?: Note): Promise<void>;
  /**
   * Makes a new key now, which signs once every node knows it; the one before verifies until its tokens have ended, so
   * nobody is logged out. Where a new one waits already, that is it.
   */
  rotate(nowMs: number, note?: Note): Promise<{ kid: string; signsAt: string }>;
}

type Dated = Pick<StoredKey, "createdAt">;

/** The newest of the keys, oldest first, that has been known long enough; a system's first key signs at once. */
export const signingKeyOf = <K extends Dated>(keys: readonly K[], nowMs: number): K | undefined =>
  keys.findLast(({ createdAt }) => createdAt + leadMs <= nowMs) ?? keys[0];

/** The keys that still verify: until the one after them has signed for the overlap. */
export const verifyingKeysOf = <K extends Dated>(keys: readonly K[], nowMs: number): K[] =>
  keys.filter((_key, i) => {
    const next = keys[i + 1];
    return !next || nowMs < next.createdAt + leadMs + overlapMs;
  });

export const isRotationDue = (keys: readonly Dated[], nowMs: number): boolean => {
  const newest = keys.at(-1);
  return !newest || newest.createdAt + rotationMs <= nowMs;
};

interface Deps {
  keys: KeysRepository;
  /** The first encrypts the private keys; what another one encrypted is encrypted anew. */
  secrets: DerivedKeys;
  newId: NewId;
}

/** Opens the keys in the database, and makes the first one where there is none. */
export async function openKeyRing({ keys, secrets, newId }: Deps, nowMs: number): Promise<KeyRing> {
  let stored: StoredKey[] = [];
  let opened = new Map<string, SigningKey>();

  const open = async (kid: string, sealed: string): Promise<SigningKey> => {
    const { privateKey, isCurrent } = openKey(sealed, kid, secrets);
    if (!isCurrent) await keys.reseal(kid, sealed, sealKey(privateKey, kid, secrets[0]));
    return { kid, privateKey };
  };

  const load = async (): Promise<void> => {
    stored = await keys.all();
    const known = opened;
    opened = new Map();
    for (const { kid, sealedPrivateKey: sealed } of stored) {
      opened.set(kid, known.get(kid) ?? (await open(kid, sealed)));
    }
  };

  const add = async (atMs: number, note?: Note): Promise<void> => {
    await keys.add(newKey((stored.at(-1)?.generation ?? 0) + 1, newId(), secrets[0], atMs), note);
    await load();
  };

  const rotateIfDue = async (atMs: number, note?: Note): Promise<void> => {
    await load();
    if (isRotationDue(stored, atMs)) await add(atMs, note);
    const [oldest] = verifyingKeysOf(stored, atMs);
    if (oldest && oldest !== stored[0]) {
      await keys.removeBefore(oldest.generation);
      await load();
    }
  };

  await rotateIfDue(nowMs);
  return {
    rotateIfDue,
    async rotate(atMs, note) {
      await load();
      if (stored.at(-1) === signingKeyOf(stored, atMs)) await add(atMs, note);
      const newest = stored.at(-1);
      if (!newest) throw new Error("there is no signing key");
      return { kid: newest.kid, signsAt: toIso(newest.createdAt + leadMs) };
    },
    signer(atMs) {
      const key = opened.get(signingKeyOf(stored, atMs)?.kid ?? "");
      if (!key) throw new Error("there is no signing key");
      return key;
    },
    published: (atMs) => verifyingKeysOf(stored, atMs).map(({ publicKey }) => publicKey),
  };
}

function newKey(generation: number, kid: string, secret: Buffer, createdAt: number): StoredKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  return {
    generation,
    kid,
    publicKey: { kty: "EC", crv: "P-256", x, y, kid, alg: "ES256", use: "sig" },
    sealedPrivateKey: sealKey(privateKey, kid, secret),
    createdAt,
  };
}
