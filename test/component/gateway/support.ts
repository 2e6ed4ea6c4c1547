import { generateKeyPairSync } from "node:crypto";
import { connect } from "node:net";
import type { ServiceSchema } from "moleculer";
import type { Jwk, Revocation } from "../../../contracts/auth.ts";
import { contracts, serviceNames, type AppBroker, type Role } from "../../../contracts/bus.ts";
import type { ActionContract } from "../../../contracts/action.ts";
import { signAccessToken } from "../../../lib/access-token.ts";
import { newId } from "../../../lib/ids.ts";
import gateway from "../../../services/gateway/gateway.service.ts";
import { startBroker } from "../../support/broker.ts";
import { testConfig } from "../../support/config.ts";

const kid = "test-key";
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const testKey = { kid, privateKey };
export const jwk = { ...publicKey.export({ format: "jwk" }), kid, alg: "ES256", use: "sig" } as Jwk;

export const aliceId = newId();

export interface TokenOptions {
  userId?: string;
  sessionId?: string;
  roles?: Role[];
  issuedAtMs?: number;
}

export function tokenOf({
  userId = aliceId,
  sessionId = newId(),
  roles = ["customer"],
  issuedAtMs,
}: TokenOptions = {}) {
  return signAccessToken(testKey, {
    userId,
    sessionId,
    roles,
    issuedAtMs: issuedAtMs ?? Date.now(),
    tokenId: newId(),
  });
}

/** What an action saw of one call. */
export interface Call {
  action: string;
  params: Record<string, unknown>;
  meta: Record<string, unknown>;
}
export type Answer = (call: Call & { setMeta: (meta: object) => void }) => unknown;
export type Answers = Record<string, Answer>;

export interface Response {
  status: number;
  headers: Headers;
  text: string;
  body: Record<string, unknown>;
}

export interface RequestOptions {
  token?: string;
  json?: unknown;
  body?: string | Buffer;
  headers?: Record<string, string>;
}

export interface TestGateway {
  url: string;
  port: number;
  broker: AppBroker;
  /** Every call of every action, in order. */
  calls: Call[];
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  drain(): Promise<void>;
  stop(): Promise<void>;
}

interface Setup {
  answers?: Answers;
  env?: Record<string, string>;
  revocations?: Revocation[];
  without?: string[];
  /** Services of the system itself, instead of ones that answer for them. */
  real?: ServiceSchema[];
}

/** The real gateway on a free port; every other service answers its actions with `answers`, or with an id. */
export async function startGateway({
  answers = {},
  env = {},
  revocations = [],
  without = [],
  real = [],
}: Setup = {}): Promise<TestGateway> {
  const calls: Call[] = [];
  const all: Answers = {
    "auth.keys": () => ({ keys: [jwk] }),
    "auth.revocations": ({ params }) => revocations.filter(({ sequence }) => sequence > (params.after as number)),
    ...answers,
  };
  const neighbours = serviceNames
    .filter((name) => name !== "gateway" && !without.includes(name) && !real.some((service) => service.name === name))
    .map((name) => serviceOf(name, all, calls));
  const started = await startBroker([gateway, ...real, ...neighbours], testConfig(env));
  const { broker } = started;
  const service = broker.getLocalService("gateway") as unknown as { port: number; drain(): Promise<void> };
  const url = `http://127.0.0.1:${service.port}`;
  return {
    url,
    port: service.port,
    broker,
    calls,
    request: (method, path, options) => request(url + path, method, options),
    drain: () => service.drain(),
    stop: () => started.stop(),
  };
}

/** A service with every action its contract names, checked as the real one's are. */
function serviceOf(name: string, answers: Answers, calls: Call[]): ServiceSchema {
  const actions = (Object.entries(contracts) as [string, ActionContract][])
    .filter(([action]) => action.startsWith(`${name}.`))
    .map(([action, { params, access, result }]) => [
      action.slice(name.length + 1),
      {
        params,
        access,
        handler(ctx: { params: Record<string, unknown>; meta: Record<string, unknown>; locals: object }) {
          // these stand for actions that found the thing to be the caller's
          Object.assign(ctx.locals, { ownerWasAsked: true });
          const call = { action, params: ctx.params, meta: { ...ctx.meta } };
          if (name !== "auth") calls.push(call);
          const answer = answers[action];
          if (answer) return answer({ ...call, setMeta: (meta) => Object.assign(ctx.meta, meta) });
          return result.type === "null" ? null : { id: newId(), sku: "A-1" };
        },
      },
    ]);
  return { name, actions: Object.fromEntries(actions) as ServiceSchema["actions"] };
}

async function request(url: string, method: string, options: RequestOptions = {}): Promise<Response> {
  const { token, json, body, headers } = options;
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(json === undefined && body === undefined ? {} : { body: json === undefined ? body : JSON.stringify(json) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text !== "" ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

/** Sends bytes as they are and resolves with all that came back when the server closed. */
export function rawRequest(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}
