import type { World } from "../world.ts";
import { closed, measureRow, type Scenario } from "./scenario.ts";

const clients = 64;
/** What is read is warm: read again before a second is over also on a slow machine. */
const popularProducts = 100;
const ownOrders = 64;
const fillMs = 60_000;

export const productRead: Scenario = {
  name: "product-read",
  async run(bench) {
    const requests = bench.world.products.slice(0, popularProducts).map((sku) => ({ path: `/api/v1/products/${sku}` }));
    const { row } = await measureRow(bench, {
      name: "product-read",
      work: { kind: "get", requests },
      load: closed(clients),
    });
    return row;
  },
};

export const orderRead: Scenario = {
  name: "order-read",
  async run(bench) {
    const orders = await placeOrders(bench.world, ownOrders);
    const requests = orders.map(({ id, token }) => ({ path: `/api/v1/orders/${id}`, token }));
    const { row } = await measureRow(bench, {
      name: "order-read",
      work: { kind: "get", requests },
      load: closed(clients),
    });
    return row;
  },
};

/** Orders to read or pay, by all customers in turn, once their events have been dealt with. */
export async function placeOrders(world: World, count: number) {
  const { placed, errors } = await world.generator.run({
    urls: world.urls,
    work: { kind: "place", tokens: await world.tokens(), skus: world.products, lines: 2, most: count },
    load: closed(clients),
    warmMs: 0,
    measureMs: fillMs,
    seed: 1,
  });
  if (placed.length < count) throw new Error(`${count} orders were to be placed: ${JSON.stringify(errors)}`);
  await world.settle();
  return placed;
}
