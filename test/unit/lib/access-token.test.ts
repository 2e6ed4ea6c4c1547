import { generateKeyPairSync } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Jwk } from "../../../contracts/auth.ts";
import { publicKeyOf, signAccessToken, verifyAccessToken, type AccessGrant } from "../../../lib/access-token.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const nowMs = Date.UTC(2030, 0, 1) + 987;
const findKey = (kid: string) => (kid === "k1" ? publicKey : null);
const grant: AccessGrant = {
  userId: "u1",
  roles: ["customer", "admin"],
  sessionId: "s1",
  issuedAtMs: nowMs,
  tokenId: "t1",
};
const token = signAccessToken({ kid: "k1", privateKey }, grant);
const claims = jwt.decode(token) as jwt.JwtPayload;
const header = { alg: "ES256", typ: "at+jwt", kid: "k1" };

/** A token signed by our key whose claims and header differ as given. */
const forge = (change: object, headerChange: object = {}): string =>
  jwt.sign(
    Object.fromEntries(Object.entries({ ...claims, ...change }).filter(([, value]) => value !== undefined)),
    privateKey,
    { algorithm: "ES256", header: { ...header, ...headerChange } },
  );
const unsigned = (head: object): string =>
  `${[head, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.`;

describe("an access token", () => {
  it("says who may do what until when, to the millisecond of its issue", () => {
    expect(verifyAccessToken(token, findKey, nowMs)).toEqual({
      userId: "u1",
      roles: ["customer", "admin"],
      sessionId: "s1",
      issuedAtMs: nowMs,
      expiresAtMs: Math.floor(nowMs / 1000) * 1000 + 900_000,
    });
    expect(claims).toMatchObject({ iss: "enterprise-hub", aud: "enterprise-hub-api", jti: "t1", sub: "u1", sid: "s1" });
  });

  it("is verified by the published form of its key", () => {
    const published = { ...publicKey.export({ format: "jwk" }), kid: "k1", alg: "ES256", use: "sig" } as Jwk;
    expect(verifyAccessToken(token, () => publicKeyOf(published), nowMs)?.userId).toBe("u1");
  });

  it("ends after fifteen minutes", () => {
    expect(verifyAccessToken(token, findKey, nowMs + 899_000)).not.toBeNull();
    expect(verifyAccessToken(token, findKey, nowMs + 900_000)).toBeNull();
  });

  it.each([
    ["of an unknown key", forge({}, { kid: "k2" })],
    ["without a key's id", forge({}, { kid: undefined })],
    ["of another type", forge({}, { typ: "JWT" })],
    ["without a type", forge({}, { typ: undefined })],
    ["with demands we do not know", forge({}, { crit: ["exp"] })],
    ["of another issuer", forge({ iss: "somebody" })],
    ["without an issuer", forge({ iss: undefined })],
    ["for another audience", forge({ aud: "somebody" })],
    ["without an audience", forge({ aud: undefined })],
    ["that never ends", forge({ exp: undefined })],
    ["of nobody", forge({ sub: undefined })],
    ["of no session", forge({ sid: undefined })],
    ["without its millisecond", forge({ ims: undefined })],
    ["with an unknown role", forge({ roles: ["root"] })],
    ["without roles", forge({ roles: undefined })],
    ["with roles as text", forge({ roles: "admin" })],
    ["without a signature", unsigned({ ...header, alg: "none" })],
    ["whose signature was cut off", unsigned(header)],
    ["whose claims were changed", token.replace(/\.[^.]+\./, `.${forge({ sub: "u2" }).split(".")[1]}.`)],
    ["that is no token", "eyJhbGciOiJFUzI1NiJ9"],
    ["with a header that is no JSON", `${Buffer.from("{").toString("base64url")}.e30.e30`],
    ["that is empty", ""],
  ])("is refused when it is one %s", (_title, refused) => {
    expect(verifyAccessToken(refused, findKey, nowMs)).toBeNull();
  });

  it("is refused when it is signed by HS256 with the public key as the secret", () => {
    const secret = publicKey.export({ format: "pem", type: "spki" });
    const head = Buffer.from(JSON.stringify({ ...header, alg: "HS256" })).toString("base64url");
    const body = token.split(".")[1];
    const forged = jwt.sign(claims, "x".repeat(32), { header: { ...header, alg: "HS256" } });
    const own = jwt.sign(claims, secret.toString(), {
      header: { ...header, alg: "HS256" },
      allowInvalidAsymmetricKeyTypes: true,
    });

    expect(verifyAccessToken(forged, findKey, nowMs)).toBeNull();
    expect(verifyAccessToken(own, findKey, nowMs)).toBeNull();
    expect(verifyAccessToken(`${head}.${body}.${own.split(".")[2]}`, findKey, nowMs)).toBeNull();
  });

  it("is refused when another algorithm signed it, even if the key is known", () => {
    const signed = jwt.sign(claims, rsa.privateKey, { algorithm: "RS256", header: { ...header, alg: "RS256" } });
    expect(verifyAccessToken(signed, () => rsa.publicKey, nowMs)).toBeNull();
  });
});
