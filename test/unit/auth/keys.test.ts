import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { StartError } from "../../../lib/data-dir.ts";
import {
  isRotationDue,
  leadMs,
  overlapMs,
  rotationMs,
  signingKeyOf,
  verifyingKeysOf,
} from "../../../services/auth/key-ring.ts";
import { openKey, sealKey } from "../../../services/auth/sealed-key.ts";
import { digestOf, newToken, successorOf } from "../../../services/auth/tokens.ts";
import { Errands } from "../../../services/auth/errands.ts";

const at = (createdAt: number) => ({ createdAt });
const [old, young] = [at(0), at(rotationMs)];

describe("signing keys", () => {
  it("are due when there is none, and when the newest is thirty days old", () => {
    expect(isRotationDue([], 0)).toBe(true);
    expect(isRotationDue([old], rotationMs - 1)).toBe(false);
    expect(isRotationDue([old], rotationMs)).toBe(true);
    expect(isRotationDue([old, young], rotationMs + 1)).toBe(false);
  });

  it("sign at once when first, and else only after every node knows them", () => {
    expect(signingKeyOf([], 0)).toBeUndefined();
    expect(signingKeyOf([old], 0)).toBe(old);
    expect(signingKeyOf([old, young], rotationMs + leadMs - 1)).toBe(old);
    expect(signingKeyOf([old, young], rotationMs + leadMs)).toBe(young);
  });

  it("verify until every token they signed has ended", () => {
    const ends = rotationMs + leadMs + overlapMs;

    expect(verifyingKeysOf([old, young], rotationMs)).toEqual([old, young]);
    expect(verifyingKeysOf([old, young], ends - 1)).toEqual([old, young]);
    expect(verifyingKeysOf([old, young], ends)).toEqual([young]);
    expect(verifyingKeysOf([old], ends * 100)).toEqual([old]);
  });
});

describe("a sealed private key", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const [secret, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

  it("opens with its secret, and tells nothing without", () => {
    const sealed = sealKey(privateKey, "k1", secret);

    expect(createPublicKey(openKey(sealed, "k1", [secret]).privateKey).equals(publicKey)).toBe(true);
    expect(sealKey(privateKey, "k1", secret)).not.toBe(sealed);
    const der = privateKey.export({ format: "der", type: "pkcs8" });
    expect(Buffer.from(sealed, "base64url").includes(der.subarray(30, 60))).toBe(false);
  });

  it("is a clear reason not to start with another secret, for another key, or when damaged", () => {
    const sealed = sealKey(privateKey, "k1", secret);
    const damaged = Buffer.from(sealed, "base64url");
    damaged.writeUInt8(damaged.readUInt8(40) ^ 1, 40);

    expect(() => openKey(sealed, "k1", [other])).toThrow(StartError);
    expect(() => openKey(sealed, "k1", [other])).toThrow(/SECRET_KEY does not open the signing key k1/);
    expect(() => openKey(sealed, "k2", [secret])).toThrow(StartError);
    expect(() => openKey(damaged.toString("base64url"), "k1", [secret])).toThrow(StartError);
  });
});

describe("an opaque token", () => {
  it("has 256 bits, and is known by its digest", () => {
    expect(Buffer.from(newToken(), "base64url")).toHaveLength(32);
    expect(newToken()).not.toBe(newToken());
    expect(digestOf("a")).toMatch(/^[0-9a-f]{64}$/);
  });

  it("has one successor, which nobody can tell without the server's key", () => {
    const token = newToken();
    const key = Buffer.alloc(32, 1);

    expect(successorOf(token, key)).toBe(successorOf(token, key));
    expect(Buffer.from(successorOf(token, key), "base64url")).toHaveLength(32);
    expect(successorOf(token, Buffer.alloc(32, 2))).not.toBe(successorOf(token, key));
    expect(successorOf(newToken(), key)).not.toBe(successorOf(token, key));
  });
});

describe("errands", () => {
  it("are waited for at the end, and their errors are told", async () => {
    const told: unknown[] = [];
    const errands = new Errands((error) => told.push(error));
    const done: string[] = [];
    errands.start(async () => {
      await Promise.resolve();
      errands.start(async () => {
        done.push("second");
      });
      done.push("first");
    });
    errands.start(() => Promise.reject(new Error("no")));

    await errands.finished();

    expect(done).toEqual(["second", "first"]);
    expect(told).toEqual([new Error("no")]);
    await errands.finished();
  });
});
