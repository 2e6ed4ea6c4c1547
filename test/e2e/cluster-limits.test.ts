import { randomUUID } from "node:crypto";
import type { ClusterNode } from "../../scripts/cluster-node.ts";
import { isReady, startCluster, type Cluster } from "../support/cluster.ts";
import { RestClient, type Answer, type Person } from "../support/rest.ts";
import type { Shop } from "../support/shop.ts";
import { eventually } from "../support/wait.ts";

// Two gateways as processes of their own, with one Redis: a client, an account, and a revocation are the same at both.

const limit = 40;
/** How soon a revocation holds everywhere. */
const revokedWithinMs = 5_000;

describe("two gateways with one Redis", () => {
  let cluster: Cluster;
  let shop: Shop;
  let gateways: ClusterNode[];
  let clients: RestClient[];

  beforeAll(async () => {
    cluster = await startCluster();
    // each test is a client of its own, as a proxy in front would tell
    const env = { TRUSTED_PROXIES: "1", RATE_LIMIT: String(limit) };
    const rest = ["auth", "users", "products", "inventory", "orders", "payments", "notify", "ops"] as const;
    gateways = await Promise.all([
      ...["left", "right"].map((id) => cluster.add(id, { services: ["gateway"], untilReady: false, env })),
    ]);
    await cluster.add("rest", { services: rest });
    await Promise.all(gateways.map(({ url }) => isReady(url, 60_000)));
    clients = await Promise.all(gateways.map(({ url }) => RestClient.to(url)));
    shop = await cluster.shopAt(at(gateways, 0));
  }, 180_000);
  afterAll(() => cluster.dispose(), 60_000);

  const at = <T>(all: readonly T[], i: number): T => {
    const one = all[i % all.length];
    if (one === undefined) throw new Error("there is none");
    return one;
  };
  let addresses = 0;
  const newAddress = (): string => `198.51.100.${(addresses += 1)}`;
  const from = (address: string) => ({ "x-forwarded-for": address });
  /** One request after another, each at the next gateway. */
  const inTurn = async (times: number, ask: (client: RestClient, i: number) => Promise<Answer>): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (let i = 0; i < times; i += 1) answers.push(await ask(at(clients, i), i));
    return answers;
  };
  const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);
  const products = (client: RestClient, headers: Record<string, string>, token?: string) =>
    client.get("/products?limit=1", { headers, ...(token === undefined ? {} : { token }) });
  const logIn = (client: RestClient, email: string, password: string, address: string) =>
    client.post("/auth/login", { body: { email, password }, headers: from(address) });
  const expectLimited = (answers: readonly Answer[], allowed: number): void => {
    const refused = answers.slice(allowed);
    expect(statuses(answers.slice(0, allowed)).filter((status) => status === 429)).toEqual([]);
    expect(statuses(refused)).toEqual(refused.map(() => 429));
    for (const { headers } of refused) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  };
  /** What a client or an account may do in a minute is used up at both, and still is when one of them starts anew. */
  const sharedAndKept = async (ask: (client: RestClient) => Promise<Answer>): Promise<void> => {
    expectLimited(await inTurn(limit + 6, ask), limit);
    const left = at(gateways, 0);
    await left.restart();
    await isReady(left.url);
    expect(statuses(await inTurn(2, ask))).toEqual([429, 429]);
  };
  const signUp = (): Promise<Person> => at(clients, 1).signUp();
  const asks = (person: Person): Promise<number[]> =>
    Promise.all(
      clients.map(
        async (client) => (await client.get("/users/me", { token: person.token, headers: from(newAddress()) })).status,
      ),
    );

  it("count the requests of a client together, also over a restart", async () => {
    const headers = from(newAddress());
    await sharedAndKept((client) => products(client, headers));
    // others are not concerned
    expect(statuses(await inTurn(2, (client) => products(client, from(newAddress()))))).toEqual([200, 200]);
  }, 60_000);

  it("count the requests of an account together, from whatever address, also over a restart", async () => {
    const { token } = await signUp();
    await sharedAndKept((client) => products(client, from(newAddress()), token));
  }, 60_000);

  it("refuse what is revoked, and keep locks and limits, while Redis is dead", async () => {
    const [out, disabled, guessed] = [await signUp(), await signUp(), await signUp()];
    const wrong = () => inTurn(11, (client) => logIn(client, guessed.email, "wrong-password", newAddress()));
    expectLimited(await wrong(), 10);
    const spraying = newAddress();
    const spray = () => inTurn(21, (client) => logIn(client, `${randomUUID()}@example.com`, "Summer2026!", spraying));
    expectLimited(await spray(), 20);
    expect([await asks(out), await asks(disabled)]).toEqual([
      [200, 200],
      [200, 200],
    ]);

    await cluster.servers.redis.kill();
    const rest = at(clients, 0);
    expect((await rest.post("/auth/logout-all", { token: out.token })).status).toBe(204);
    const change = { token: shop.admin, body: { status: "disabled" }, headers: from(newAddress()) };
    expect((await rest.patch(`/users/${disabled.id}`, change)).status).toBe(200);
    for (const person of [out, disabled])
      await eventually(async () => (await asks(person)).every((status) => status === 401), revokedWithinMs);

    // locks are in the database of auth: the right password does not open them
    const unlocked = await inTurn(2, (client) => logIn(client, guessed.email, "correct horse battery", newAddress()));
    expect(statuses(unlocked)).toEqual([429, 429]);
    expect(statuses(await inTurn(2, (client) => logIn(client, `${randomUUID()}@example.com`, "x", spraying)))).toEqual([
      429, 429,
    ]);
    // requests are counted by each gateway for itself
    const headers = from(newAddress());
    for (const client of clients) {
      const own = await inTurn(limit + 1, () => products(client, headers));
      expectLimited(own, limit);
    }

    // also on a gateway that starts while Redis is dead, and when Redis is back with nothing in it
    const right = at(gateways, 1);
    await right.restart();
    await isReady(right.url);
    expect(await asks(out)).toEqual([401, 401]);
    await cluster.servers.redis.restart();
    expect([await asks(out), await asks(disabled)]).toEqual([
      [401, 401],
      [401, 401],
    ]);
  }, 90_000);
});
