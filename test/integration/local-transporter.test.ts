import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { isSystemAt, LocalTransporter, localSocketPath } from "../../lib/local-transporter.ts";
import { eventually } from "../support/wait.ts";

describe("processes joined over a socket", () => {
  let directory: string;
  let path: string;
  const brokers: ServiceBroker[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hub-socket-"));
    path = localSocketPath(directory);
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
    rmSync(directory, { recursive: true, force: true });
  });

  async function node(
    nodeID: string,
    options: { joinOnly?: boolean; onEnded?: () => void; services?: ServiceSchema[] },
  ) {
    const { services = [], ...rest } = options;
    const broker = new ServiceBroker({
      nodeID,
      logger: false,
      skipProcessEventRegistration: true,
      heartbeatInterval: 1,
      heartbeatTimeout: 3,
      transporter: new LocalTransporter({ path, ...rest }),
    });
    for (const service of services) broker.createService(service);
    brokers.push(broker);
    await broker.start();
    return broker;
  }

  const naming = (name: string): ServiceSchema => ({ name, actions: { who: (ctx) => `${name} on ${ctx.nodeID}` } });
  const sees = (broker: ServiceBroker, nodeID: string): boolean =>
    broker.registry
      .getNodeList({ onlyAvailable: true, withServices: false })
      .some(({ id }: { id: string }) => id === nodeID);

  it("find each other, and call each other both ways", async () => {
    const holder = await node("holder", { services: [naming("shop")] });
    const guest = await node("guest", { joinOnly: true, services: [naming("console")] });
    await guest.waitForServices("shop", 5_000);
    await holder.waitForServices("console", 5_000);

    expect(await guest.call("shop.who")).toBe("shop on guest");
    expect(await holder.call("console.who")).toBe("console on holder");
  });

  it("reach each other through the one that holds the socket", async () => {
    await node("holder", {});
    const one = await node("one", { joinOnly: true, services: [naming("first")] });
    const two = await node("two", { joinOnly: true, services: [naming("second")] });
    await one.waitForServices("second", 5_000);
    await two.waitForServices("first", 5_000);

    expect(await one.call("second.who")).toBe("second on one");
    expect(await two.call("first.who")).toBe("first on two");
  });

  it("carry what is larger than a socket takes at once, in the order of the calls", async () => {
    const echo: ServiceSchema = { name: "echo", actions: { back: (ctx) => ctx.params as unknown } };
    await node("holder", { services: [echo] });
    const guest = await node("guest", { joinOnly: true });
    await guest.waitForServices("echo", 5_000);
    const texts = Array.from({ length: 20 }, (_, i) => `${i} ${"é".repeat(300_000)}`);

    const answers = await Promise.all(texts.map((text) => guest.call("echo.back", { text })));

    expect(answers.map((answer, i) => (answer as { text: string }).text === texts[i])).not.toContain(false);
  });

  it("notice at once when a guest leaves", async () => {
    const holder = await node("holder", {});
    const guest = await node("guest", { joinOnly: true });
    await eventually(() => sees(holder, "guest"));

    await guest.stop();

    await eventually(() => !sees(holder, "guest"), 1_000);
  });

  it("tell a guest that the system has ended", async () => {
    let ended = false;
    const holder = await node("holder", { services: [naming("shop")] });
    const guest = await node("guest", { joinOnly: true, onEnded: () => (ended = true) });
    await guest.waitForServices("shop", 5_000);

    await holder.stop();

    await eventually(() => ended, 1_000);
    expect(await isSystemAt(path)).toBe(false);
  });

  it("stop although a guest hangs and reads nothing", async () => {
    const holder = await node("holder", {});
    const mute = connect({ path, allowHalfOpen: true });
    await new Promise((resolve) => mute.once("connect", resolve));
    mute.pause();

    await holder.stop();

    expect(existsSync(path)).toBe(false);
    mute.destroy();
  });

  it("hang up on a guest that speaks something else", async () => {
    await node("holder", {});
    const stranger = connect(path);

    const closed = new Promise((resolve) => stranger.once("close", resolve));
    stranger.write("GET / HTTP/1.1\r\n\r\n");

    await closed;
    expect(await isSystemAt(path)).toBe(true);
  });

  it("take over a socket that a killed process left behind, open to its owner alone", async () => {
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("listens"))`;
    const other = spawn(process.execPath, ["--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => other.stdout.once("data", resolve));
    const gone = new Promise((resolve) => other.once("exit", resolve));
    other.kill("SIGKILL");
    await gone;
    expect(existsSync(path)).toBe(true);
    expect(await isSystemAt(path)).toBe(false);

    await node("holder", { services: [naming("shop")] });
    const guest = await node("guest", { joinOnly: true });
    await guest.waitForServices("shop", 5_000);

    expect(await guest.call("shop.who")).toBe("shop on guest");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("use a short path where the data directory's is too long for a socket", () => {
    const long = join(directory, "x".repeat(120));

    expect(localSocketPath(long).length).toBeLessThan(100);
    expect(localSocketPath(long)).not.toBe(localSocketPath(`${long}y`));
  });
});
