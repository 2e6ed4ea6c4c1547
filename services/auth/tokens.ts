import { createHash, createHmac, randomBytes } from "node:crypto";

// Opaque tokens: 256 random bits in base64url, of which the database knows only digests.

export const newToken = (): string => randomBytes(32).toString("base64url");

export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/**
 * The refresh token that follows on another one. Made from it and a key of the server, so that two refreshes at once,
 * on whatever nodes, answer with the same one and nobody else can tell it.
 */
export const successorOf = (token: string, key: Buffer): string =>
  createHmac("sha256", key).update(token).digest("base64url");
