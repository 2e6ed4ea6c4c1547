import { readConfig } from "../../../config.ts";
import { newId } from "../../../lib/ids.ts";
import { seedCatalogue } from "../../../scripts/seed-catalogue.ts";
import inventory from "../../../services/inventory/inventory.service.ts";
import products from "../../../services/products/products.service.ts";
import { admin, neighbour, startBroker, type TestBroker } from "../../support/broker.ts";

describe("the demo catalogue", () => {
  let node: TestBroker;

  beforeEach(async () => {
    node = await startBroker([products, inventory, neighbour("orders", { states: () => [] })]);
  });
  afterEach(() => node.stop());

  it("is loaded with stock on the first start, and on no later one", async () => {
    expect(await seedCatalogue(node.broker, node.config)).toMatchObject({ read: 9_999, imported: 1_990 });
    expect(await node.broker.call("products.get", { sku: "85123A" })).toMatchObject({ available: 100 });

    expect(await seedCatalogue(node.broker, node.config)).toBeNull();
  });

  it("is not put beside a shop's own products", async () => {
    const boss = admin(newId());
    await node.broker.call("products.create", { sku: "mine", name: "Mine", priceCents: 1 }, node.as(boss));

    expect(await seedCatalogue(node.broker, node.config)).toBeNull();
  });

  it("is not loaded where it is not wanted, and never in production", async () => {
    for (const env of [{ DEMO_CATALOGUE: "off" }, { NODE_ENV: "production", DEMO_CATALOGUE: "on" }])
      expect(readConfig({ ...env, PAYMENT_PROVIDER: "sandbox", ADMIN_PASSWORD: "a-long-test-password" })).toMatchObject(
        {
          demoCatalogue: false,
        },
      );
    expect(await seedCatalogue(node.broker, { ...node.config, demoCatalogue: false })).toBeNull();
    expect((await node.broker.call("products.list", {})).items).toEqual([]);
  });
});
