import { newId } from "../../../lib/ids.ts";
import { basePath } from "../../../services/gateway/routes.ts";
import { startGateway, tokenOf, type TestGateway } from "./support.ts";

const products = `${basePath}/products`;

async function withGateway(env: Record<string, string>, check: (gateway: TestGateway) => Promise<void>): Promise<void> {
  const gateway = await startGateway({ env });
  await check(gateway).finally(() => gateway.stop());
}

const statusFrom = async (gateway: TestGateway, forwarded: string) =>
  (await gateway.request("GET", products, { headers: { "x-forwarded-for": forwarded } })).status;
const addressSeen = ({ calls }: TestGateway) => calls.at(-1)?.meta.clientAddress;

describe("the rate limit", () => {
  it("refuses what is too much with the time to wait, and leaves health checks alone", async () => {
    await withGateway({ RATE_LIMIT: "3" }, async (gateway) => {
      for (let i = 0; i < 3; i += 1) expect((await gateway.request("GET", products)).status).toBe(200);

      const answer = await gateway.request("GET", products);

      expect(answer.body).toMatchObject({ status: 429, code: "RATE_LIMITED" });
      const seconds = Number(answer.headers.get("retry-after"));
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(60);
      expect((await gateway.request("GET", "/health/live")).status).toBe(200);
    });
  });

  it("counts accounts apart from each other and from their address, and bad tokens to the address", async () => {
    await withGateway({ RATE_LIMIT: "2" }, async (gateway) => {
      const statuses = async (token: string) => {
        const both = [];
        for (let i = 0; i < 3; i += 1) both.push((await gateway.request("GET", products, { token })).status);
        return both;
      };

      expect(await statuses(tokenOf({ userId: newId() }))).toEqual([200, 200, 429]);
      expect(await statuses(tokenOf({ userId: newId() }))).toEqual([200, 200, 429]);
      expect(await statuses("garbage")).toEqual([401, 401, 429]);
    });
  });

  it("gives nothing to a client that invents addresses", async () => {
    await withGateway({ RATE_LIMIT: "2" }, async (gateway) => {
      const statuses = [];
      for (const forwarded of ["10.1.1.1", "10.1.1.2", "10.1.1.3"]) statuses.push(await statusFrom(gateway, forwarded));

      expect(statuses).toEqual([200, 200, 429]);
      expect(addressSeen(gateway)).toBe("127.0.0.1");
    });
  });

  it("believes one proxy about whom it heard from, and nothing further left", async () => {
    await withGateway({ RATE_LIMIT: "2", TRUSTED_PROXIES: "1" }, async (gateway) => {
      const statuses = [];
      for (const invented of ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) {
        statuses.push(await statusFrom(gateway, `${invented}, 10.9.9.9`));
      }

      expect(statuses).toEqual([200, 200, 429]);
      expect(await statusFrom(gateway, "10.9.9.8")).toBe(200);
      expect(addressSeen(gateway)).toBe("10.9.9.8");
    });
  });
});
