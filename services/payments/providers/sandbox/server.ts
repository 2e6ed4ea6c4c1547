import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { StoreConfig } from "../../../../lib/database.ts";
import { messageOf } from "../../../../lib/errors.ts";
import { openMigrated } from "../../../../lib/migrations.ts";
import { Poller } from "../../../../lib/poller.ts";
import { compileSchema } from "../../../../lib/validator.ts";
import { Decision, JournalQuery, NewCharge, NewRefund, VoidRequest, type Journal, type SandboxCharge } from "./api.ts";
import { deliverDue } from "./deliveries.ts";
import { sandboxMigrations } from "./migrations.ts";
import { Refusal } from "./rows.ts";
import { sandboxStore, type SandboxStore } from "./store.ts";
import { behaviourOf } from "./tokens.ts";

export interface SandboxOptions {
  store: StoreConfig;
  /** 0 lets the system choose. */
  port: number;
  host?: string;
  webhookSecret: string;
  now?: () => number;
  onError?: (error: unknown) => void;
}

export interface Sandbox {
  url: string;
  stop(): Promise<void>;
}

interface Party {
  store: SandboxStore;
  now: () => number;
  /** There are webhooks to send. */
  announce: () => void;
}

const pollMs = 250;
const decideBatch = 50;
const maxBodyBytes = 64 * 1024;

/** Starts the sandbox: a payment provider with its own books, which talks to its merchant over HTTP alone. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { store: storeConfig, port, host = "127.0.0.1", webhookSecret, now = Date.now, onError = () => {} } = options;
  const { db } = await openMigrated(storeConfig, "sandbox", sandboxMigrations);
  const store = sandboxStore(db);
  const deliveries = new Poller({
    name: "sandbox webhooks",
    idleMs: pollMs,
    pass: (stopping) => deliverDue({ db, webhookSecret, now }, stopping),
    onError,
  });
  const decisions = new Poller({
    name: "sandbox decisions",
    idleMs: pollMs,
    async pass() {
      const decided = await store.decideDue(now(), decideBatch);
      if (decided > 0) deliveries.wake();
      return decided === decideBatch;
    },
    onError,
  });
  const party: Party = { store, now, announce: () => deliveries.wake() };
  const server = createServer((request, response) => {
    answer(party, request, response).catch((error: unknown) => {
      if (error instanceof Refusal) return reply(response, error.status, { code: error.code });
      onError(error);
      reply(response, 500, { code: "internal_error", message: messageOf(error) });
    });
  });
  await listen(server, port, host);
  deliveries.start();
  decisions.start();
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await Promise.all([deliveries.stop(), decisions.stop(), store.stop()]);
      await db.close();
    },
  };
}

const isNewCharge = compileSchema(NewCharge);
const isNewRefund = compileSchema(NewRefund);
const isVoid = compileSchema(VoidRequest);
const isDecision = compileSchema(Decision);
const isJournalQuery = compileSchema(JournalQuery);

async function answer(party: Party, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { store, now, announce } = party;
  const url = new URL(request.url ?? "/", "http://sandbox");
  const ref = /^\/approvals\/([\w-]{1,64})$/.exec(url.pathname)?.[1];
  switch (`${request.method} ${ref === undefined ? url.pathname : "/approvals/:ref"}`) {
    case "POST /charges":
      return charge(party, request, response);
    case "GET /charges":
      return reply(response, 200, { charge: await store.find(url.searchParams.get("reference") ?? "") });
    case "POST /charges/void": {
      const { reference } = await read<{ reference: string }>(request, isVoid);
      return reply(response, 200, await store.void(reference, now()));
    }
    case "POST /refunds": {
      const key = keyOf(request);
      return reply(response, 200, await store.refund(key, await read<NewRefund>(request, isNewRefund), now()));
    }
    case "GET /journal":
      return reply(response, 200, await journal(store, url.searchParams));
    case "POST /journal":
      return reply(response, 200, await store.journalOf(await read<{ references: string[] }>(request, isJournalQuery)));
    case "GET /approvals/:ref":
      return reply(response, 200, await known(store.approval(ref ?? "")));
    case "POST /approvals/:ref": {
      const { decision } = await read<{ decision: Decision }>(request, isDecision);
      const decided = await known(store.decide(ref ?? "", decision, now()));
      announce();
      return reply(response, 200, decided);
    }
    default:
      throw new Refusal(404, "unknown_path");
  }
}

/** All of the journal, or a page of it where `limit` says how large. */
function journal(store: SandboxStore, query: URLSearchParams): Promise<Journal> {
  const limit = Number(query.get("limit") ?? 0);
  if (!Number.isInteger(limit) || limit < 0 || limit > 1_000) throw new Refusal(422, "invalid_request");
  return limit === 0 ? store.journal() : store.journalOf({ after: query.get("after") ?? "", limit });
}

/** The misbehaviour that a token asks for comes after the commit, and once: the same key again is answered properly. */
async function charge({ store, now, announce }: Party, request: IncomingMessage, response: ServerResponse) {
  const key = keyOf(request);
  const asked = await read<NewCharge>(request, isNewCharge);
  const { charge: done, made } = await store.charge(key, asked, now());
  const behaviour = behaviourOf(asked.token);
  if (made && behaviour.webhooks > 0) announce();
  if (!made || behaviour.answer === "charge") return reply(response, 200, done);
  if (behaviour.answer === "pending") return reply(response, 200, { ...done, status: "pending" });
  if (behaviour.answer === "error") return reply(response, 500, { code: "internal_error" });
  // "none": the socket stays open, and silent, until the client gives up
}

async function known(found: Promise<SandboxCharge | null>): Promise<SandboxCharge> {
  const charge = await found;
  if (!charge) throw new Refusal(404, "unknown_charge");
  return charge;
}

function keyOf({ headers }: IncomingMessage): string {
  const key = headers["idempotency-key"];
  if (typeof key !== "string" || !/^[\x21-\x7e]{1,64}$/.test(key)) throw new Refusal(400, "idempotency_key_required");
  return key;
}

async function read<T>(request: IncomingMessage, check: (value: unknown) => unknown): Promise<T> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Refusal(413, "body_too_large");
    chunks.push(chunk);
  }
  const value = parsed(Buffer.concat(chunks).toString());
  if (check(value) !== true) throw new Refusal(422, "invalid_request");
  return value as T;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "invalid_json");
  }
}

function reply(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}
