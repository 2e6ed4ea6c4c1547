import { connect, type Socket } from "node:net";
import { newId } from "../../../lib/ids.ts";
import { basePath } from "../../../services/gateway/routes.ts";
import { eventually } from "../../support/wait.ts";
import { startGateway, tokenOf } from "./support.ts";

describe("health", () => {
  it("is live before it is ready, and names what is missing", async () => {
    const gateway = await startGateway({ without: ["payments", "users"] });

    const live = await gateway.request("GET", "/health/live");
    const ready = await gateway.request("GET", "/health/ready");

    expect([live.status, live.body]).toEqual([200, { status: "ok" }]);
    expect([ready.status, ready.body]).toEqual([503, { status: "unavailable", missing: ["users", "payments"] }]);
    expect(ready.headers.get("retry-after")).toBe("1");
    await gateway.stop();
  });

  it("is ready when every service is there", async () => {
    const gateway = await startGateway();

    const ready = await gateway.request("GET", "/health/ready");

    expect([ready.status, ready.body]).toEqual([200, { status: "ok", missing: [] }]);
    await gateway.stop();
  });
});

describe("a stop", () => {
  const opened: Socket[] = [];
  afterEach(() => {
    for (const socket of opened.splice(0)) socket.destroy();
  });

  function keepAlive(port: number): Promise<{ socket: Socket; text(): string }> {
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(port, "127.0.0.1", () => resolve({ socket, text: () => text }));
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.on("error", reject);
      opened.push(socket);
    });
  }

  it("finishes the requests under way, and takes no new connection", async () => {
    const answered = Promise.withResolvers<object>();
    const gateway = await startGateway({ answers: { "orders.get": () => answered.promise } });
    const idle = await keepAlive(gateway.port);
    const busy = await keepAlive(gateway.port);
    const get = (path: string, token = "") =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\n${token && `Authorization: Bearer ${token}\r\n`}\r\n`;
    idle.socket.write(get("/health/live"));
    await eventually(() => idle.text().includes("200 OK"));
    const id = newId();
    busy.socket.write(get(`${basePath}/orders/${id}`, tokenOf()));
    await eventually(() => gateway.calls.some(({ action }) => action === "orders.get"));

    let drained = false;
    const draining = gateway.drain().then(() => (drained = true));

    await eventually(() => idle.socket.closed);
    await expect(fetch(`${gateway.url}/health/live`)).rejects.toThrow();
    expect(drained).toBe(false);
    answered.resolve({ id });
    await draining;
    await eventually(() => busy.socket.closed);
    expect(busy.text()).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(busy.text()).toContain(id);
    await gateway.stop();
  });

  it("answers a read at once that may take longer than a stop waits", async () => {
    const examined = Promise.withResolvers<object>();
    const gateway = await startGateway({ answers: { "ops.doctor": () => examined.promise } });
    const asked = gateway.request("GET", `${basePath}/ops/doctor`, { token: tokenOf({ roles: ["admin"] }) });
    await eventually(() => gateway.calls.some(({ action }) => action === "ops.doctor"));

    await gateway.drain();
    const { status, body, headers } = await asked;
    examined.resolve({});

    expect({ status, code: body.code }).toEqual({ status: 503, code: "SERVICE_UNAVAILABLE" });
    expect(headers.get("retry-after")).toBe("1");
    await gateway.stop();
  });

  it("lets a slow client receive all of a large answer", async () => {
    const name = "x".repeat(16 * 1024 * 1024);
    const gateway = await startGateway({ answers: { "orders.get": () => ({ name }) } });
    const slow = await keepAlive(gateway.port);
    slow.socket.pause();
    slow.socket.write(
      `GET ${basePath}/orders/${newId()} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokenOf()}\r\n\r\n`,
    );
    await eventually(() => gateway.calls.some(({ action }) => action === "orders.get"));
    const draining = gateway.drain();
    await eventually(() =>
      fetch(`${gateway.url}/health/live`).then(
        () => false,
        () => true,
      ),
    );

    slow.socket.resume();

    await draining;
    await eventually(() => slow.socket.closed);
    expect(slow.text().length).toBeGreaterThan(name.length);
    await gateway.stop();
  });

  it("can be asked for twice, and before anything was asked", async () => {
    const gateway = await startGateway();

    await Promise.all([gateway.drain(), gateway.drain()]);

    await expect(gateway.stop()).resolves.toBeDefined();
  });
});
