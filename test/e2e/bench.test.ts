import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BigData } from "../../bench/studies/big-data.ts";
import { runScript } from "../support/script.ts";

describe("npm run bench", () => {
  const directory = mkdtempSync(join(tmpdir(), "hub-bench-test-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("measures a system of its own and writes what it found in a form that others read", async () => {
    const file = join(directory, "results.json");
    const args = ["--quick", "--only", "product-read,place", "--seconds", "0.3", "--json", file];
    const { code, err } = await runScript("bench", { args });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { commit, machine, floors, scenarios } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    expect({ commit, machine, floors, scenarios }).toEqual({
      commit: expect.stringMatching(/^([0-9a-f]{12}\+?|unknown)$/) as string,
      machine: expect.stringContaining("Node v") as string,
      floors: { http: expect.any(Number) as number, web: expect.any(Number) as number },
      scenarios: ["product-read", "place"].map(
        (name) =>
          expect.objectContaining({
            name,
            clients: 64,
            perSecond: expect.any(Number) as number,
            ofWeb: expect.any(Number) as number,
            p50Ms: expect.any(Number) as number,
            p99Ms: expect.any(Number) as number,
            p999Ms: expect.any(Number) as number,
            errors: 0,
            cpuMsPerRequest: expect.any(Number) as number,
            rssMb: expect.any(Number) as number,
          }) as object,
      ),
    });
  });

  it("fills in orders that the doctor finds sound, and measures every route before and after", async () => {
    const file = join(directory, "big-data.json");
    const args = ["--quick", "--only", "big-data", "--orders", "1000", "--seconds", "0.2", "--json", file];
    const { code, err } = await runScript("bench", { args });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { bigData } = JSON.parse(readFileSync(file, "utf8")) as { bigData: BigData };
    expect(bigData).toMatchObject({ orders: 1_000, products: 100, ledgerRows: 10_000 });
    expect(bigData.routes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["GET /products", "GET /ops/orders/:id/explain", "POST /orders"]),
    );
    expect(bigData.routes.every(({ empty, full }) => empty.p50Ms > 0 && full.p95Ms >= full.p50Ms)).toBe(true);
    // each order and each row of what belongs to it was looked at
    expect(bigData.doctor.checked).toBeGreaterThan(10_000);
  }, 180_000);

  it("says which option is wrong, and starts nothing", async () => {
    const { code, out, err } = await runScript("bench", { args: ["--only", "plaice"] });
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain('--only names "plaice", but knows product-read');
  });
});
