import { newId } from "../../../lib/ids.ts";
import { startPrivateBacking, type PrivateBacking } from "../../../scripts/backing/index.ts";
import { basePath } from "../../../services/gateway/routes.ts";
import { startGateway, tokenOf, type TestGateway } from "../../component/gateway/support.ts";
import { eventually } from "../../support/wait.ts";
import { timed } from "./support.ts";

let servers: PrivateBacking<"redis">;
const started: TestGateway[] = [];

beforeAll(async () => {
  servers = await startPrivateBacking(["redis"]);
});
afterEach(() => Promise.all(started.splice(0).map((gateway) => gateway.stop())));
afterAll(() => servers.stop());

/** The gateway asks no database; the setting is there because nodes without one have nothing to share. */
async function start(setup: Parameters<typeof startGateway>[0] = {}): Promise<TestGateway> {
  const env = { DATABASE_URL: "mysql://root@127.0.0.1", REDIS_URL: servers.redis.url, RATE_LIMIT: "4" };
  const gateway = await startGateway({ env, ...setup });
  started.push(gateway);
  return gateway;
}
const statusAt = async (gateway: TestGateway, token: string) =>
  (await gateway.request("GET", `${basePath}/products`, { token })).status;
const statuses = async (gateways: TestGateway[], token: string) => {
  const all = [];
  for (const gateway of gateways) all.push(await statusAt(gateway, token));
  return all;
};

describe("limits", () => {
  it("are of all gateways together, and outlive each of them", async () => {
    const [one, two] = [await start(), await start()];
    const token = tokenOf({ userId: newId() });
    expect(await statuses([one, two, one, two, one, two], token)).toEqual([200, 200, 200, 200, 429, 429]);

    await one.stop();
    const again = await start();

    const answer = await again.request("GET", `${basePath}/products`, { token });
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await statusAt(again, tokenOf({ userId: newId() }))).toBe(200);
  });

  it("are each gateway's own while Redis is away, and everybody's again when it is back", async () => {
    const [one, two] = [await start(), await start()];
    await servers.redis.kill();

    const token = tokenOf({ userId: newId() });
    expect(await statuses([one, one, one, one, one], token)).toEqual([200, 200, 200, 200, 429]);
    expect(await statuses([two, two, two, two, two], token)).toEqual([200, 200, 200, 200, 429]);

    await servers.redis.restart();
    await eventually(async () => {
      const fresh = tokenOf({ userId: newId() });
      return (await statuses([one, two, one, two, one], fresh)).at(-1) === 429;
    });
  });

  it("hold while Redis hangs, without slowing everybody down", async () => {
    const one = await start();
    const token = tokenOf({ userId: newId() });
    await servers.redis.pause();

    const answers = await timed(() => statuses([one, one, one, one, one, one], token));
    await servers.redis.resume();

    expect(answers.answer).toEqual([200, 200, 200, 200, 429, 429]);
    expect(answers.ms).toBeLessThan(1_000);
  });

  it("do not keep a gateway from stopping", async () => {
    const one = await start();
    await servers.redis.pause();

    const { ms } = await timed(() => one.stop());
    await servers.redis.resume();

    expect(ms).toBeLessThan(2_000);
  });
});

describe("without Redis", () => {
  it("a revoked token is refused, whether it was revoked before or after", async () => {
    const [before, after] = [newId(), newId()];
    const issuedAtMs = Date.now() - 10_000;
    const revocation = (subject: string, sequence: number) => ({ subject, sequence, issuedBefore: Date.now() });
    const revocations = [revocation(before, 1)];
    const gateway = await start({ revocations });
    const old = tokenOf({ userId: before, issuedAtMs });
    const fresh = tokenOf({ userId: after, issuedAtMs });
    expect(await statusAt(gateway, old)).toBe(401);
    expect(await statusAt(gateway, fresh)).toBe(200);
    await servers.redis.kill();

    expect(await statusAt(gateway, old)).toBe(401);
    await gateway.broker.broadcast("auth.revoked", revocation(after, 2));
    expect(await statusAt(gateway, fresh)).toBe(401);

    // a gateway that starts without Redis learns of both from auth
    revocations.push(revocation(after, 2));
    const late = await start({ revocations });
    expect(await statuses([late, late], old)).toEqual([401, 401]);
    expect(await statusAt(late, fresh)).toBe(401);
    await servers.redis.restart();
  });
});
