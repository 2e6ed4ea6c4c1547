import type { ServiceSchema } from "moleculer";
import { delay } from "../../../lib/time.ts";
import gateway from "../../../services/gateway/gateway.service.ts";
import { startBroker } from "../../support/broker.ts";

/** Whether the gateway listened when a service of the same node had started, which took that long; and whether it does then. */
async function listensDuring(startMs: number): Promise<{ before: boolean; after: boolean }> {
  let before = false;
  const slow: ServiceSchema = {
    name: "slow",
    async started() {
      await delay(startMs);
      before = portOf(this.broker) !== undefined;
    },
  };
  const node = await startBroker([gateway, slow]);
  const after = portOf(node.broker) !== undefined;
  await node.stop();
  return { before, after };
}

const portOf = (broker: { getLocalService(name: string): unknown }): number | undefined =>
  (broker.getLocalService("gateway") as { port?: number }).port;

describe("a gateway", () => {
  it("listens once the other services of its node have started", async () => {
    expect(await listensDuring(300)).toEqual({ before: false, after: true });
  });

  it("does not wait for one that waits itself: somebody has to say what for", async () => {
    expect(await listensDuring(3_000)).toEqual({ before: true, after: true });
  });
});
