import fc from "fast-check";
import { DomainError } from "../../../lib/errors.ts";
import { parseJson } from "../../../services/gateway/body.ts";
import {
  bearerToken,
  clientAddress,
  givenRequestId,
  hasOneHost,
  idempotencyKey,
} from "../../../services/gateway/client.ts";
import { parseQuery } from "../../../services/gateway/params.ts";
import { Router } from "../../../services/gateway/router.ts";

describe("JSON", () => {
  const parse = (text: string) => parseJson(Buffer.from(text));
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

  it("takes 32 levels and refuses 33, however many there are", () => {
    expect(() => parse(deep(32))).not.toThrow();
    for (const levels of [33, 5_000, 20_000]) expect(() => parse(deep(levels))).toThrow(/nested deeper/);
    expect(() => parse(`{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`)).toThrow(/nested deeper/);
  });

  it("gives back any object it takes", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 }), { noNullPrototype: true }), (value) => {
        fc.pre(!/"(__proto__|constructor|prototype)":/.test(JSON.stringify(value)));
        expect(parse(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it.each(["__proto__", "constructor", "prototype"])("refuses the key %s wherever it is", (key) => {
    for (const text of [`{"${key}":1}`, `{"a":[{"b":{"${key}":{}}}]}`, `{"\\u005f_proto__":1}`]) {
      expect(() => parse(text)).toThrow(DomainError);
    }
  });
});

describe("a query", () => {
  const properties = { limit: { type: "integer" }, unread: { type: "boolean" }, search: { type: "string" } };

  it("becomes the types that are asked for, and stays text where it does not fit", () => {
    expect(parseQuery("limit=20&unread=false&search=20", properties)).toEqual({
      limit: 20,
      unread: false,
      search: "20",
    });
    expect(parseQuery("limit=-3", properties)).toEqual({ limit: -3 });
    for (const value of ["2.5", "1e3", "0x10", "NaN", "", "9007199254740993000"]) {
      expect(parseQuery(`limit=${value}`, properties)).toEqual({ limit: value });
    }
    expect(parseQuery("unread=1&other=true&toString=1", properties)).toEqual({
      unread: "1",
      other: "true",
      toString: "1",
    });
  });

  it("refuses a name that comes twice, and those of prototypes", () => {
    for (const query of ["a=1&a=1", "__proto__=1", "constructor=1"]) expect(() => parseQuery(query, {})).toThrow();
  });
});

describe("the client's address", () => {
  it.each([
    ["no proxy, no header", "10.0.0.1", undefined, 0, "10.0.0.1"],
    ["no proxy, invented header", "10.0.0.1", "1.1.1.1", 0, "10.0.0.1"],
    ["one proxy", "10.0.0.1", "1.1.1.1, 2.2.2.2", 1, "2.2.2.2"],
    ["two proxies", "10.0.0.1", "1.1.1.1, 2.2.2.2, 3.3.3.3", 2, "2.2.2.2"],
    ["two headers", "10.0.0.1", ["1.1.1.1", "2.2.2.2"], 1, "2.2.2.2"],
    ["past the proxies", "10.0.0.1", "1.1.1.1", 2, "10.0.0.1"],
    ["without their header", "10.0.0.1", undefined, 1, "10.0.0.1"],
    ["no address", "10.0.0.1", "unknown", 1, "10.0.0.1"],
    ["with a port", "10.0.0.1", "2.2.2.2:4711", 1, "2.2.2.2"],
    ["IPv6 with a port", "10.0.0.1", "[2001:db8::1]:4711", 1, "2001:db8::1"],
    ["IPv4 inside IPv6", "::ffff:10.0.0.1", undefined, 0, "10.0.0.1"],
    ["a closed socket", undefined, undefined, 0, "unknown"],
  ])("is found with %s", (_what, peer, forwarded, proxies, expected) => {
    expect(clientAddress(peer, forwarded, proxies)).toBe(expected);
  });
});

describe("headers", () => {
  it("takes request ids that are fit for a log", () => {
    expect(givenRequestId("aB.1_2-3")).toBe("aB.1_2-3");
    for (const id of ["", "a b", "a\nb", "é", "x".repeat(65), undefined, ["a"]]) expect(givenRequestId(id)).toBeNull();
  });

  it("takes keys of visible ASCII", () => {
    expect(idempotencyKey(undefined)).toBeUndefined();
    expect(idempotencyKey("!~")).toBe("!~");
    for (const key of ["", " ", "a, a", "x".repeat(256), "\u007f", "é"]) expect(() => idempotencyKey(key)).toThrow();
  });

  it("finds a bearer token, and tells a missing one from another scheme", () => {
    expect(bearerToken(undefined)).toBeNull();
    expect(bearerToken("bearer a.b-c_d")).toBe("a.b-c_d");
    for (const header of ["", "Bearer", "Bearer a b", "Basic YTpi", "Bearer a,b"]) expect(bearerToken(header)).toBe("");
  });

  it("asks for one host", () => {
    expect(hasOneHost(["Host", "a"], "1.1")).toBe(true);
    expect(hasOneHost(["hOsT", "a", "HOST", "a"], "1.1")).toBe(false);
    expect(hasOneHost([], "1.1")).toBe(false);
    expect(hasOneHost([], "1.0")).toBe(true);
  });
});

describe("the router", () => {
  const alias = (method: string, fullPath: string) => ({
    method,
    fullPath,
    match: (path: string) =>
      new RegExp(`^${fullPath.replace(/:\w+/g, "([^/]+)")}$`).test(path) ? { id: path.split("/")[2] ?? "" } : false,
  });
  const me = alias("GET", "/users/me");
  const user = alias("GET", "/users/:id");
  const change = alias("PATCH", "/users/:id");
  const router = new Router([user, me, change]);

  it("prefers what is literal, and takes HEAD for GET", () => {
    expect(router.find("GET", "/users/me")?.alias).toBe(me);
    expect(router.find("GET", "/users/1")).toEqual({ alias: user, params: { id: "1" } });
    expect(router.find("HEAD", "/users/1")?.alias).toBe(user);
    expect(router.find("GET", "/users")).toBeNull();
    expect(router.find("GET", "/users/1/x")).toBeNull();
    expect(router.find("toString", "/users/1")).toBeNull();
  });

  it("knows the methods of a path", () => {
    expect(router.allowed("/users/1")).toEqual(["GET", "PATCH", "HEAD", "OPTIONS"]);
    expect(router.allowed("/nothing")).toEqual([]);
  });
});
