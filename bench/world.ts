import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import type { ServiceName } from "../contracts/bus.ts";
import type { DoctorReport } from "../contracts/ops.ts";
import { delay } from "../lib/time.ts";
import { startPrivateBacking, type PrivateBacking, type Server } from "../scripts/backing/index.ts";
import { freePort, serverDirectory, type OwnedProcess } from "../scripts/backing/process.ts";
import { startNode, type ClusterNode } from "../scripts/cluster-node.ts";
import { restClient, ScriptError, type RestClient } from "../scripts/rest-client.ts";
import { setAsInProduction } from "./database-settings.ts";
import { startGenerator, type Generator } from "./generator.ts";
import type { Account } from "./generator/protocol.ts";
import { queuesOfAll } from "./queues.ts";
import { warmUp } from "./warm-up.ts";
import { cpuMs, probeAt, rssMb, type Probe } from "./meters.ts";

// The system under test: servers of its own, a node that runs every service, or several, a catalogue and customers.

const serverNames = ["mysql", "redis", "nats", "amqp"] as const satisfies readonly Server[];
const admin: Account = { email: "bench@example.com", password: randomBytes(12).toString("hex") };
export const productCount = 1_000;
const customerCount = 64;
const unitsEach = 1_000_000;
/** Access tokens live for a quarter of an hour. */
const tokensFreshMs = 5 * 60_000;
const registerAtOnce = 8;
/** By then a node that has started has done what it does once. */
const idleMs = 3_000;
const probeScript = resolve(import.meta.dirname, "probe.ts");

/** What runs while something is measured. */
export interface Setup {
  /** How many may share a transaction; as many as usual when absent. */
  groupMost?: number;
  /** How many nodes with every service; one when absent. */
  nodes?: number;
  /** Settings beside the usual ones. */
  env?: Readonly<Record<string, string>>;
}

export interface World {
  readonly generator: Generator;
  readonly nodes: readonly ClusterNode[];
  /** Of their gateways. */
  readonly urls: readonly string[];
  readonly rest: RestClient;
  readonly probe: Probe;
  readonly products: readonly string[];
  readonly accounts: readonly Account[];
  readonly database: Connection;
  readonly databaseUrl: string;
  /** Has nodes run like this; starts them anew where they run otherwise. */
  use(setup?: Setup): Promise<void>;
  /** Access tokens of the customers, with enough time left. */
  tokens(): Promise<string[]>;
  adminToken(): Promise<string>;
  /** A product that nobody else buys. */
  addProduct(units: number): Promise<string>;
  serversCpuMs(): number;
  /** Starts one more node, with every service where none is named, and ends it once it was idle for a while. */
  join(services: readonly ServiceName[]): Promise<{ readyMs: number; rssMb: number }>;
  readonly rabbitmq: Pick<OwnedProcess, "kill" | "restart">;
  /** Resolves when every event was delivered and applied; how many were behind at first. */
  settle(withinMs?: number): Promise<number>;
  /** Events that were not delivered or not applied yet, of all services. */
  behind(): Promise<number>;
  doctor(): Promise<DoctorReport>;
  stop(): Promise<void>;
}

/** `warmUpMs`: how long nodes that were just started are used before `use` resolves; V8 compiles what is used then. */
export async function openWorld(warmUpMs = 0): Promise<World> {
  const servers = await startPrivateBacking(serverNames);
  const generator = startGenerator();
  const database = await createConnection(servers.mysql.url);
  const socket = join(serverDirectory("probe"), "socket");
  const world = new RunningWorld(servers, generator, database, socket, warmUpMs);
  try {
    await setAsInProduction(database);
    await world.use();
    await world.furnish();
    await world.warmUp();
    return world;
  } catch (error) {
    await world.stop();
    throw error;
  }
}

class RunningWorld implements World {
  readonly generator: Generator;
  readonly database: Connection;
  readonly probe: Probe;
  readonly products = Array.from({ length: productCount }, (_, i) => `BENCH-${String(i).padStart(4, "0")}`);
  readonly accounts = Array.from({ length: customerCount }, (_, i) => ({
    email: `customer-${i}@example.com`,
    password: "correct horse battery",
  }));
  private readonly servers: PrivateBacking<(typeof serverNames)[number]>;
  private readonly env: Record<string, string>;
  private readonly socket: string;
  private running: { nodes: ClusterNode[]; setup: string; rest: RestClient } | null = null;
  private known: { tokens: string[]; atMs: number } | null = null;
  private queues: string | null = null;
  private readonly warmUpMs: number;
  private isFurnished = false;

  constructor(
    servers: PrivateBacking<(typeof serverNames)[number]>,
    generator: Generator,
    database: Connection,
    socket: string,
    warmUpMs: number,
  ) {
    this.servers = servers;
    this.warmUpMs = warmUpMs;
    this.generator = generator;
    this.database = database;
    this.socket = socket;
    this.probe = probeAt(socket);
    this.env = {
      DATABASE_URL: servers.mysql.url,
      REDIS_URL: servers.redis.url,
      TRANSPORTER: servers.nats.url,
      AMQP_URL: servers.amqp.url,
      SECRET_KEY: randomBytes(32).toString("hex"),
      ADMIN_EMAIL: admin.email,
      ADMIN_PASSWORD: admin.password,
      // limits count as always, and let this load through
      RATE_LIMIT: "1000000000",
      REGISTER_RATE_LIMIT: "1000000",
      LOG_LEVEL: "info",
      // the thousands that nobody pays would expire a quarter of an hour later, beside whatever is measured then
      ORDER_TTL_SECONDS: String(24 * 3_600),
    };
  }

  get nodes(): readonly ClusterNode[] {
    return this.current.nodes;
  }

  get databaseUrl(): string {
    return this.servers.mysql.url;
  }

  get urls(): readonly string[] {
    return this.current.nodes.map(({ url }) => url);
  }

  get rest(): RestClient {
    return this.current.rest;
  }

  private get current() {
    if (!this.running) throw new Error("no node runs");
    return this.running;
  }

  async use({ groupMost, nodes: count = 1, env = {} }: Setup = {}): Promise<void> {
    const setup = JSON.stringify({ groupMost, count, env });
    if (this.running?.setup === setup) return;
    await this.stopNodes();
    const own = { ...env, ...(groupMost === undefined ? {} : { GROUP_COMMIT_MOST: String(groupMost) }) };
    // a node that is gone may have left it
    rmSync(this.socket, { force: true });
    const first = await this.startNode("bench", { ...own, BENCH_PROBE: this.socket }, [probeScript]);
    this.running = { nodes: [first], setup, rest: restClient(first.url) };
    for (let n = 2; n <= count; n += 1) this.running.nodes.push(await this.startNode(`bench-${n}`, own));
    if (this.isFurnished) await this.warmUp();
  }

  async warmUp(): Promise<void> {
    this.isFurnished = true;
    // as long for each of them: code is compiled in every process anew
    if (this.warmUpMs > 0) await warmUp(this, this.warmUpMs * this.nodes.length);
  }

  private async startNode(
    id: string,
    env: Record<string, string>,
    imports: string[] = [],
    services: readonly ServiceName[] = [],
  ): Promise<ClusterNode> {
    return startNode({
      id,
      services,
      port: await freePort(),
      env: { ...this.env, ...env },
      nodeArgs: imports.flatMap((path) => ["--import", path]),
    });
  }

  async join(services: readonly ServiceName[]): Promise<{ readyMs: number; rssMb: number }> {
    const startedAt = performance.now();
    const node = await this.startNode("joining", {}, [], services);
    const readyMs = performance.now() - startedAt;
    await delay(idleMs);
    const memory = rssMb(node.pid);
    await node.stop();
    return { readyMs, rssMb: memory };
  }

  get rabbitmq(): OwnedProcess {
    return this.servers.amqp;
  }

  private async stopNodes(): Promise<void> {
    await Promise.all((this.running?.nodes ?? []).map((node) => node.stop()));
    this.running = null;
  }

  async furnish(): Promise<void> {
    const lines = this.products.map((sku, i) => `${sku},Product ${i} of the bench,${description},${100 + i}`);
    await this.rest.send(`/products/import?initialStock=${unitsEach}`, {
      method: "POST",
      csv: ["sku,name,description,priceCents", ...lines].join("\n"),
      token: await this.adminToken(),
      timeoutMs: 60_000,
    });
    await this.eachAccount((account) =>
      this.rest.send("/auth/register", { method: "POST", body: { ...account, name: account.email } }),
    );
  }

  async tokens(): Promise<string[]> {
    if (this.known && Date.now() - this.known.atMs < tokensFreshMs) return this.known.tokens;
    const tokens = await this.eachAccount((account) => this.signIn(account));
    this.known = { tokens, atMs: Date.now() };
    return tokens;
  }

  adminToken(): Promise<string> {
    return this.signIn(admin);
  }

  async addProduct(units: number): Promise<string> {
    const sku = `SALE-${randomBytes(6).toString("hex")}`;
    const token = await this.adminToken();
    await this.rest.send("/products", { method: "POST", token, body: { sku, name: "On sale", priceCents: 500 } });
    await this.rest.send(`/inventory/${sku}`, { method: "PUT", token, body: { onHand: units } });
    return sku;
  }

  serversCpuMs(): number {
    return serverNames.reduce((sum, name) => sum + cpuMs(this.servers[name].pid), 0);
  }

  async settle(withinMs = 60_000): Promise<number> {
    const before = await this.behind();
    const deadline = Date.now() + withinMs;
    for (let left = before; left > 0; left = await this.behind()) {
      if (Date.now() > deadline) throw new ScriptError(`${left} events were behind after ${withinMs / 1_000} s`);
      await delay(50);
    }
    return before;
  }

  async behind(): Promise<number> {
    this.queues ??= await queuesOfAll(this.database);
    const [rows] = await this.database.query<RowDataPacket[]>(this.queues);
    return Number(rows[0]?.behind ?? 0);
  }

  async doctor(): Promise<DoctorReport> {
    const { body } = await this.rest.send<DoctorReport>("/ops/doctor", {
      token: await this.adminToken(),
      timeoutMs: 600_000,
    });
    return body;
  }

  async stop(): Promise<void> {
    await this.database.end();
    await this.stopNodes();
    await Promise.all([this.generator.stop(), this.servers.stop()]);
  }

  private async signIn(account: Account): Promise<string> {
    const { body } = await this.rest.send<{ accessToken: string }>("/auth/login", { method: "POST", body: account });
    return body.accessToken;
  }

  /** A few at a time: passwords are made to be slow to check. */
  private async eachAccount<T>(work: (account: Account) => Promise<T>): Promise<T[]> {
    const done: T[] = [];
    for (let i = 0; i < this.accounts.length; i += registerAtOnce) {
      done.push(...(await Promise.all(this.accounts.slice(i, i + registerAtOnce).map(work))));
    }
    return done;
  }
}

const description = "What somebody may want to know of a product before they buy it; as long as such things are.";
