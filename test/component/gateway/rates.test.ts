import { DomainError } from "../../../lib/errors.ts";
import { eventually } from "../../support/wait.ts";
import { startGateway, tokenOf, type TestGateway } from "./support.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    answers: {
      "products.get": () => {
        throw new DomainError("not_found", "NOT_FOUND", "No such product.");
      },
      "products.quote": () => {
        throw new Error("broken");
      },
    },
  });
});
afterAll(() => gateway.stop());

const read = () => gateway.broker.call("gateway.rates");

it("counts requests by the action they lead to, and neither pages nor what leads nowhere", async () => {
  const token = tokenOf();
  await gateway.request("GET", "/api/v1/orders", { token });
  await gateway.request("GET", "/api/v1/products/A");
  await gateway.request("GET", "/health/live");
  await gateway.request("GET", "/api/v1/nothing");

  const { actions, most, underWay } = await eventually(async () => {
    const now = await read();
    return now.actions.length === 2 && now;
  });

  expect(actions).toEqual([
    expect.objectContaining({ action: "orders.list", ok: 1, refused: 0, failed: 0 }),
    expect.objectContaining({ action: "products.get", ok: 0, refused: 1, failed: 0 }),
  ]);
  expect(underWay).toBe(0);
  // on a busy machine less than at its start
  expect(most).toBeGreaterThanOrEqual(256);
});

it("names the actions that are not called at the moment, because too many calls failed", async () => {
  expect((await read()).openBreakers).toEqual([]);

  // as many as the breaker needs to judge
  for (let i = 0; i < 25; i += 1) {
    await gateway.broker.call("products.quote", { skus: ["A"] }).catch(() => undefined);
  }

  expect((await read()).openBreakers).toEqual([{ action: "products.quote", node: gateway.broker.nodeID }]);
});
