import { hkdfSync } from "node:crypto";
import type { Config } from "../config.ts";
import { prepareDataDir, secretFile } from "./data-dir.ts";

/** One key for each purpose, so that a leak of one says nothing of the others. */
export type Purpose =
  "signing-key-encryption" | "refresh-tokens" | "sandbox-webhooks" | "idempotency-digest" | "reset-tokens";

export type DerivedKeys = readonly [Buffer, ...Buffer[]];

/**
 * 32 bytes derived from SECRET_KEY for one purpose, by HKDF-SHA-256 (RFC 5869). Without SECRET_KEY, from a secret that is
 * generated once and kept in the data directory.
 */
export function derivedKey(config: Config, purpose: Purpose): Buffer {
  return derive(config.secretKey ?? generated(config.dataDir), purpose);
}

/** The key for what is made now, and, while SECRET_KEY is being replaced, the one for what was made before. */
export function derivedKeys(config: Config, purpose: Purpose): DerivedKeys {
  const { secretKeyPrevious: previous } = config;
  return [derivedKey(config, purpose), ...(previous === null ? [] : [derive(previous, purpose)])];
}

const derive = (root: string, purpose: Purpose): Buffer =>
  Buffer.from(hkdfSync("sha256", root, "enterprise-hub", purpose, 32));

function generated(dataDir: string): string {
  prepareDataDir(dataDir);
  return secretFile(dataDir, "secret.key").value;
}
