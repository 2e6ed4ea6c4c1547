import { isIP } from "node:net";
import { invalidField } from "../../lib/errors.ts";

// What the head of a request says about who sent it, as far as it can be believed.

/**
 * The client's address as seen through `trustedProxies` proxies, each of which added to the right of `X-Forwarded-For`
 * whom it heard from. Whatever stands further left was sent by the client and may be invented.
 */
export function clientAddress(
  peer: string | undefined,
  forwarded: string | string[] | undefined,
  trustedProxies: number,
): string {
  const direct = plainAddress(peer ?? "") ?? "unknown";
  if (trustedProxies === 0 || forwarded === undefined) return direct;
  const hops = (Array.isArray(forwarded) ? forwarded.join(",") : forwarded).split(",");
  // fewer hops than proxies: the request came past one of them, and only its peer is certain
  return plainAddress(hops.at(-trustedProxies)?.trim() ?? "") ?? direct;
}

/** An address without port, brackets and the prefix of an IPv4 address inside IPv6; null when it is none. */
function plainAddress(text: string): string | null {
  const bare = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/^::ffff:(?=\d+\.)/i, "");
  return isIP(address) === 0 ? null : address;
}

/** The caller's own request id when it is fit for a log. */
export function givenRequestId(header: string | string[] | undefined): string | null {
  return typeof header === "string" && /^[\w.-]{1,64}$/.test(header) ? header : null;
}

/** Two headers of this name arrive joined by a comma and a blank, which the form does not allow. */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw invalidField("Idempotency-Key", "WRONG_FORMAT", "The key must be one, of 1 to 255 visible ASCII characters.");
}

/** The token of `Authorization: Bearer`; null without the header, empty when it holds anything else. */
export function bearerToken(header: string | undefined): string | null {
  if (header === undefined) return null;
  return /^Bearer +([\w.~+/=-]+)$/i.exec(header)?.[1] ?? "";
}

/** HTTP/1.1 asks for exactly one; two are how a request is smuggled past a proxy. */
export function hasOneHost(rawHeaders: readonly string[], httpVersion: string): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length === 4 && rawHeaders[i]?.toLowerCase() === "host") hosts += 1;
  }
  return hosts === 1 || (hosts === 0 && httpVersion === "1.0");
}
