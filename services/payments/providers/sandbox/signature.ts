import { createHmac, timingSafeEqual } from "node:crypto";
import type { Config } from "../../../../config.ts";
import { derivedKeys } from "../../../../lib/secrets.ts";

export const signatureHeader = "hub-signature";

/** A signature that is older, or from further ahead, may be a recorded message played again. */
const toleranceSeconds = 300;
const hexDigest = /^[0-9a-f]{64}$/;

/** The secrets of the sandbox and its merchant; it signs with the first. */
export function sandboxSecrets(config: Config): [string, ...string[]] {
  const [newest, ...before] = config.sandboxWebhookSecrets;
  if (newest !== undefined) return [newest, ...before];
  const [derived, ...derivedBefore] = derivedKeys(config, "sandbox-webhooks");
  return [derived.toString("hex"), ...derivedBefore.map((key) => key.toString("hex"))];
}

/** `t=<unix>,v1=<hmac-sha256 hex of "t.body">` over the bytes as they are sent. */
export function sign(rawBody: Buffer, secret: string, nowMs: number): string {
  const t = Math.floor(nowMs / 1_000);
  return `t=${t},v1=${digest(rawBody, secret, String(t)).toString("hex")}`;
}

/** Whether one of the header's `v1` signatures is that of these bytes, made with this secret within five minutes. */
export function isSignedBy(secret: string, header: string | undefined, rawBody: Buffer, nowMs: number): boolean {
  const parts = (header ?? "").split(",").map((part) => part.trim());
  const valuesOf = (name: string): string[] =>
    parts.filter((part) => part.startsWith(`${name}=`)).map((part) => part.slice(name.length + 1));
  const [t = "", ...others] = valuesOf("t");
  if (!/^\d{1,12}$/.test(t) || others.length > 0) return false;
  if (Math.abs(nowMs / 1_000 - Number(t)) > toleranceSeconds) return false;
  const expected = digest(rawBody, secret, t);
  return valuesOf("v1").some((hex) => hexDigest.test(hex) && timingSafeEqual(Buffer.from(hex, "hex"), expected));
}

const digest = (rawBody: Buffer, secret: string, t: string): Buffer =>
  createHmac("sha256", secret).update(`${t}.`).update(rawBody).digest();
