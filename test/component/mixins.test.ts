import { defineService } from "../../contracts/bus.ts";
import { mixin } from "../../mixins/mixin.ts";
import { startBroker } from "../support/broker.ts";

const actions = { rates: () => Promise.reject(new Error("nobody asks for these here")) };

describe("the mixins of a service", () => {
  it("start in the order they are named in, before the service, and stop in the opposite one", async () => {
    const told: string[] = [];
    const tells = (name: string) =>
      mixin({ started: () => void told.push(`start ${name}`), stopped: () => void told.push(`stop ${name}`) });
    const gateway = defineService<"gateway">({
      name: "gateway",
      mixins: [tells("database"), tells("outbox")],
      actions,
      started: () => void told.push("start service"),
      stopped: () => void told.push("stop service"),
    });

    await (await startBroker([gateway])).stop();

    expect(told).toEqual([
      "start database",
      "start outbox",
      "start service",
      "stop service",
      "stop outbox",
      "stop database",
    ]);
  });

  it("begin their work after the service's own start, also when it has none, and not after one that failed", async () => {
    const told: string[] = [];
    const works = mixin({ started: () => void told.push("start"), ready: () => void told.push("ready") });
    const service = (started?: () => void) =>
      defineService<"gateway">({ name: "gateway", mixins: [works, works], actions, started });

    await (await startBroker([service(() => void told.push("service"))])).stop();
    expect(told).toEqual(["start", "start", "service", "ready", "ready"]);

    told.length = 0;
    await (await startBroker([service()])).stop();
    expect(told).toEqual(["start", "start", "ready", "ready"]);

    told.length = 0;
    const failing = () => {
      throw new Error("no");
    };
    await expect(startBroker([service(failing)])).rejects.toThrow("no");
    expect(told).toEqual(["start", "start"]);
  });
});
