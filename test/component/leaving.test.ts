import { type Context, ServiceBroker, type ServiceSchema } from "moleculer";
import { leave } from "../../lib/leave.ts";
import { delay } from "../../lib/time.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { testConfig } from "../support/config.ts";
import { eventually } from "../support/wait.ts";

const bareBroker = (nodeID: string, services: readonly ServiceSchema[]): ServiceBroker => {
  const broker = new ServiceBroker({ ...brokerOptions(testConfig({ NODE_ID: nodeID })), transporter: "Fake" });
  for (const service of services) broker.createService(service);
  return broker;
};

const works = (broker: ServiceBroker): Promise<string> => broker.call("other.works");

describe("a node that leaves", () => {
  const brokers: ServiceBroker[] = [];
  const begun: string[] = [];
  beforeEach(() => begun.splice(0));
  afterEach(() => Promise.all(brokers.splice(0).map((broker) => broker.stop())));

  async function start(nodeID: string, ...services: ServiceSchema[]): Promise<ServiceBroker> {
    const broker = bareBroker(nodeID, services);
    brokers.push(broker);
    await broker.start();
    return broker;
  }

  /** Asks the other only after a while; the other can do nothing once it has stopped. */
  const slow: ServiceSchema = {
    name: "slow",
    actions: {
      async asks(ctx: Context) {
        begun.push(ctx.broker.nodeID);
        await delay(800);
        return ctx.call("other.works");
      },
    },
  };
  const other = (): ServiceSchema => {
    let stopped = false;
    return {
      name: "other",
      actions: {
        works(ctx: Context) {
          if (stopped) throw new Error("stopped");
          return ctx.broker.nodeID;
        },
      },
      stopped: () => void (stopped = true),
    };
  };

  it("does what others have asked for, with all its services", async () => {
    const asking = await start("asking");
    const leaving = await start("leaving", slow, other());
    await asking.waitForServices("slow");

    const asked = asking.call("slow.asks");
    await eventually(() => begun.length > 0);
    await leave(leaving, { isAlone: false });
    await leaving.stop();

    await expect(asked).resolves.toBe("leaving");
  });

  it("lets what services do of their own accord end while all services are there", async () => {
    const ends: string[] = [];
    const working: ServiceSchema = {
      name: "working",
      methods: {
        async stopConsuming() {
          ends.push(`consumed ${await works(this.broker)}`);
        },
        async stopSweeping() {
          ends.push(`swept ${await works(this.broker)}`);
        },
      },
    };
    const leaving = await start("leaving", working, other());

    await leave(leaving, { isAlone: true });

    expect(ends).toEqual(["consumed leaving", "swept leaving"]);
  });

  it("has a call that came too late made by another node, though it must not be made twice", async () => {
    const asking = await start("asking");
    const leaving = await start("leaving", slow, other());
    const staying = await start("staying", slow, other());
    const known = (asking.registry as unknown as { actions: Known }).actions;
    await eventually(() => known.get("slow.asks")?.count() === 2);
    // it has begun to stop, and nobody has heard of it
    Object.assign(leaving, { stopping: true });

    const asked = await Promise.all([asking.call("slow.asks"), asking.call("slow.asks")]);

    expect(asked).toEqual([staying.nodeID, staying.nodeID]);
    expect(begun).toEqual([staying.nodeID, staying.nodeID]);
  });
});

interface Known {
  get(name: string): { count(): number } | undefined;
}
