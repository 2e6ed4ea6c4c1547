import { createHmac, generateKeyPairSync } from "node:crypto";
import { accessTokenSeconds, signAccessToken } from "../../../lib/access-token.ts";
import { newId } from "../../../lib/ids.ts";
import type { Role } from "../../../contracts/bus.ts";
import { basePath, contractOfRoute, routes, streamPath } from "../../../services/gateway/routes.ts";
import { eventually } from "../../support/wait.ts";
import { aliceId, jwk, startGateway, testKey, tokenOf, type TestGateway } from "./support.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

const me = `${basePath}/users/me`;
const getMe = (token?: string) => gateway.request("GET", me, token === undefined ? {} : { token });

describe("every route for every role", () => {
  const roles: (Role | null)[] = [null, "customer", "support", "admin"];
  const rights: Record<string, readonly (Role | null)[]> = {
    public: roles,
    user: ["customer", "support", "admin"],
    owner: ["customer", "support", "admin"],
    "owner-or-staff": ["customer", "support", "admin"],
    staff: ["support", "admin"],
    admin: ["admin"],
  };
  const table = [
    ...routes.map((route) => ({ ...route, access: contractOfRoute(route).access })),
    { method: "GET", path: streamPath, access: "user" },
  ].flatMap(({ method, path, access }) =>
    roles.map((role) => {
      const allowed = rights[access]?.includes(role) === true;
      const expected: string = allowed ? "lets in" : role === null ? "answers 401 to" : "answers 403 to";
      return { method, path, role, expected };
    }),
  );

  it.each(table)("$expected $role on $method $path", async ({ method, path, role, expected }) => {
    const url = basePath + path.replace(":id", newId()).replace(":sku", "A-1").replace(":provider", "sandbox");
    const asked = gateway.calls.length;

    // HEAD of the stream, as the stream itself would not end
    const answer = await gateway.request(path === streamPath ? "HEAD" : method, url, {
      ...(role === null ? {} : { token: tokenOf({ roles: [role] }) }),
      ...(path.endsWith("/import") ? { body: "sku\n", headers: { "content-type": "text/csv" } } : {}),
    });

    if (expected === "lets in") expect([200, 201, 202, 204, 422]).toContain(answer.status);
    else {
      expect(answer.status).toBe(role === null ? 401 : 403);
      expect(gateway.calls).toHaveLength(asked);
    }
  });
});

describe("tokens", () => {
  it("tells who is missing what", async () => {
    const answer = await getMe();

    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(answer.body).toMatchObject({ status: 401, code: "UNAUTHENTICATED", title: "Authentication required" });
  });

  const now = Date.now();
  const grant = { userId: aliceId, roles: ["customer" as const], sessionId: newId(), tokenId: newId() };
  const [head = "", claims = "", signature = ""] = tokenOf().split(".");
  const unsigned = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt", kid: "test-key" })).toString("base64url");
  const symmetric = Buffer.from(JSON.stringify({ alg: "HS256", typ: "at+jwt", kid: "test-key" })).toString("base64url");
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

  it.each([
    ["garbage", "garbage"],
    ["one that ended", tokenOf({ issuedAtMs: now - accessTokenSeconds * 1000 - 1000 })],
    ["an unsigned one", `${unsigned}.${claims}.`],
    [
      "one signed with the public key as a secret",
      `${symmetric}.${claims}.${createHmac("sha256", JSON.stringify(jwk)).update(`${symmetric}.${claims}`).digest("base64url")}`,
    ],
    ["a changed one", `${head}.${claims.slice(0, -4)}AAAA.${signature}`],
    [
      "one of another issuer's key",
      signAccessToken({ kid: "test-key", privateKey: other }, { ...grant, issuedAtMs: now }),
    ],
    ["one of an unknown key", signAccessToken({ ...testKey, kid: "unknown" }, { ...grant, issuedAtMs: now })],
  ])("refuses %s", async (_what, token) => {
    const answer = await getMe(token);

    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ code: "INVALID_TOKEN" });
    expect(answer.headers.get("www-authenticate")).toContain("invalid_token");
  });

  it("refuses another scheme, and a bad token also where none is needed", async () => {
    const basic = await gateway.request("GET", me, { headers: { authorization: "Basic YTpi" } });
    const publicRoute = await gateway.request("GET", `${basePath}/products`, { token: "garbage" });

    expect(basic.body).toMatchObject({ status: 401, code: "INVALID_TOKEN" });
    expect(publicRoute.body).toMatchObject({ status: 401, code: "INVALID_TOKEN" });
  });

  it("lets an ended token beside a refresh token pass", async () => {
    const answer = await gateway.request("POST", `${basePath}/auth/refresh`, {
      token: "garbage",
      json: { refreshToken: "r" },
    });

    expect(answer.status).toBe(200);
  });

  it("hands on who is asking, and nothing that the client says of it", async () => {
    const sessionId = newId();

    await gateway.request("GET", me, {
      token: tokenOf({ sessionId, roles: ["support"] }),
      headers: { "x-user": "admin", "x-correlation-id": "chosen" },
    });

    expect(gateway.calls.at(-1)?.meta).toMatchObject({
      user: { id: aliceId, roles: ["support"], sessionId },
      clientAddress: "127.0.0.1",
    });
  });
});

describe("revocation", () => {
  it("ends a session at once when it is told, on streams too, and leaves other sessions", async () => {
    const sessionId = newId();
    const token = tokenOf({ sessionId });
    expect((await getMe(token)).status).toBe(200);

    await gateway.broker.broadcast("auth.revoked", { subject: sessionId, issuedBefore: Date.now() + 1, sequence: 1 });

    expect((await getMe(token)).body).toMatchObject({ status: 401, code: "INVALID_TOKEN" });
    expect((await getMe(tokenOf())).status).toBe(200);
  });

  it("ends all sessions of a user, but not those that began later", async () => {
    const userId = newId();
    const at = Date.now();

    await gateway.broker.broadcast("auth.revoked", { subject: userId, issuedBefore: at, sequence: 2 });

    expect((await getMe(tokenOf({ userId, issuedAtMs: at - 1 }))).status).toBe(401);
    expect((await getMe(tokenOf({ userId, issuedAtMs: at }))).status).toBe(200);
  });

  it("knows what was revoked before it started, and finds what it was not told", async () => {
    const [early, late] = [newId(), newId()];
    const revocations = [{ subject: early, issuedBefore: Date.now() + 1, sequence: 5 }];
    const other = await startGateway({ revocations });
    const lateToken = tokenOf({ userId: late });
    const statusOf = async (token: string) => (await other.request("GET", me, { token })).status;
    expect(await statusOf(tokenOf({ userId: early, issuedAtMs: Date.now() - 60_000 }))).toBe(401);
    expect(await statusOf(lateToken)).toBe(200);

    revocations.push({ subject: late, issuedBefore: Date.now() + 1, sequence: 6 });

    await eventually(async () => (await statusOf(lateToken)) === 401, 5_000);
    await other.stop();
  });

  it("answers 503 while it cannot know what was revoked", async () => {
    const other = await startGateway({ without: ["auth"] });

    const answer = await other.request("GET", me, { token: tokenOf() });

    expect(answer.body).toMatchObject({ status: 503, code: "SERVICE_UNAVAILABLE" });
    expect(answer.headers.get("retry-after")).toBe("1");
    await other.stop();
  });
});
