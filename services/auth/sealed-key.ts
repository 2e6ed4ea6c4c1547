import { createCipheriv, createDecipheriv, createPrivateKey, randomBytes, type KeyObject } from "node:crypto";
import { StartError } from "../../lib/data-dir.ts";
import type { DerivedKeys } from "../../lib/secrets.ts";

const ivBytes = 12;
const tagBytes = 16;

/** A private key for the database: AES-256-GCM under `key`, bound to the key's id. */
export function sealKey(privateKey: KeyObject, kid: string, key: Buffer): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(kid));
  const sealed = [cipher.update(privateKey.export({ format: "der", type: "pkcs8" })), cipher.final()];
  return Buffer.concat([iv, cipher.getAuthTag(), ...sealed]).toString("base64url");
}

/** The private key inside, and whether the first of `keys` sealed it; a StartError when none of them did. */
export function openKey(sealed: string, kid: string, keys: DerivedKeys): { privateKey: KeyObject; isCurrent: boolean } {
  for (const key of keys) {
    const privateKey = unseal(sealed, kid, key);
    if (privateKey) return { privateKey, isCurrent: key === keys[0] };
  }
  throw new StartError(
    `SECRET_KEY does not open the signing key ${kid} in the database of auth; use the one it was made with, ` +
      "as SECRET_KEY_PREVIOUS where it is being replaced",
  );
}

function unseal(sealed: string, kid: string, key: Buffer): KeyObject | null {
  const bytes = Buffer.from(sealed, "base64url");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
    .setAAD(Buffer.from(kid))
    .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
  try {
    const der = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]);
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } catch {
    return null;
  }
}
