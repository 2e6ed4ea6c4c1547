import { createServer, get, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { newId } from "../../../lib/ids.ts";
import { accessTokenSeconds } from "../../../lib/access-token.ts";
import { basePath, streamPath } from "../../../services/gateway/routes.ts";
import { streams } from "../../../services/gateway/stream.ts";
import { eventually } from "../../support/wait.ts";
import { aliceId, startGateway, tokenOf, type TestGateway, type TokenOptions } from "./support.ts";

interface Kept {
  sequence: number;
  notification: { id: string; title: string };
}

/** What notify holds, by user. */
const kept = new Map<string, Kept[]>();
/** How often it was asked for what is new. */
let asked = 0;
let gateway: TestGateway;
beforeEach(async () => {
  kept.clear();
  asked = 0;
  gateway = await startGateway({
    answers: {
      "notify.since": ({ params }) => {
        const { userId, after, limit } = params as { userId: string; after: number | null; limit: number };
        if (after !== null) asked += 1;
        const all = kept.get(userId) ?? [];
        const items = after === null ? [] : all.filter(({ sequence }) => sequence > after).slice(0, limit);
        return { last: all.at(-1)?.sequence ?? 0, items };
      },
    },
  });
});
afterEach(() => gateway.stop());

function tell(title: string, userId = aliceId): Kept {
  const all = kept.get(userId) ?? [];
  const told = { sequence: all.length + 1, notification: { id: newId(), title } };
  kept.set(userId, [...all, told]);
  return told;
}
/** `items`: what is new, where who hints knows it. */
const hint = (userId = aliceId, items?: Kept[]) => gateway.broker.broadcast("notify.created", { userId, items });

interface Listening {
  response: IncomingMessage;
  text(): string;
  ids(): string[];
  ended(): boolean;
  leave(): void;
}

const opened: Listening[] = [];
afterEach(() => {
  for (const listening of opened.splice(0)) listening.leave();
});

function listen(options: TokenOptions = {}, headers: Record<string, string> = {}): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const request = get(
      gateway.url + basePath + streamPath,
      { agent: false, headers: { authorization: `Bearer ${tokenOf(options)}`, ...headers } },
      (response) => {
        let text = "";
        let ended = false;
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("close", () => (ended = true));
        // we leave by cutting the connection
        response.on("error", () => (ended = true));
        const listening: Listening = {
          response,
          text: () => text,
          ids: () => Array.from(text.matchAll(/^id: (\d+)\nevent: notification$/gm), ([, id]) => id ?? ""),
          ended: () => ended,
          leave: () => request.destroy(),
        };
        opened.push(listening);
        resolve(listening);
      },
    );
    request.on("error", reject);
  });
}

describe("the notification stream", () => {
  it("begins now, and sends what is new when it is told of it", async () => {
    tell("before");
    const alice = await listen();
    await eventually(() => alice.text().includes("id: 1\n\n"));

    tell("谢谢\nagain");
    await hint();

    await eventually(() => alice.ids().length === 1);
    expect(alice.response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
    });
    const data = /^data: (.*)$/m.exec(alice.text())?.[1] ?? "";
    expect(JSON.parse(data)).toEqual(kept.get(aliceId)?.[1]?.notification);
    expect(alice.ids()).toEqual(["2"]);
  });

  it("sends what a hint brings without asking, each once and in order, and asks where something is missing", async () => {
    tell("before");
    const alice = await listen();
    await eventually(() => alice.text().includes("still here"));
    const before = asked;
    const [second, third] = [tell("second"), tell("third")];

    await hint(aliceId, [third, second]);
    await eventually(() => alice.ids().length === 2);
    await hint(aliceId, [second, third]);
    await hint(aliceId, [tell("fourth")]);
    await eventually(() => alice.ids().length === 3);
    // what only repeats brings nothing on, and so is looked up
    expect(asked - before).toBeLessThanOrEqual(1);

    tell("fifth, of which the hint is lost");
    await hint(aliceId, [tell("sixth")]);
    await eventually(() => alice.ids().length === 5);

    expect(alice.ids()).toEqual(["2", "3", "4", "5", "6"]);
    expect(asked).toBeGreaterThan(before);
  });

  it("resumes after the last event that was seen, over more than a page", async () => {
    for (let i = 1; i <= 250; i += 1) tell(`number ${i}`);

    const alice = await listen({}, { "last-event-id": "3" });

    await eventually(() => alice.ids().length >= 247);
    expect(alice.ids()).toEqual(Array.from({ length: 247 }, (_, i) => String(i + 4)));
  });

  it("begins now for an id that is none, or that was never sent", async () => {
    tell("before");
    const nonsense = await listen({}, { "last-event-id": "nonsense" });
    const future = await listen({}, { "last-event-id": "999" });

    tell("after");
    await hint();

    await eventually(() => nonsense.ids().length === 1 && future.ids().length === 1);
    expect([...nonsense.ids(), ...future.ids()]).toEqual(["2", "2"]);
  });

  it("tells nobody what is another's", async () => {
    const bobId = newId();
    const bob = await listen({ userId: bobId });
    const alice = await listen();

    tell("for Alice");
    await hint();
    await hint(bobId);

    await eventually(() => alice.ids().length === 1);
    await eventually(() => bob.text().includes("still here"));
    expect(bob.text()).not.toContain("Alice");
  });

  it("ends when its session is revoked, and when its token ends", async () => {
    const sessionId = newId();
    const revoked = await listen({ sessionId });
    const ending = await listen({ issuedAtMs: Date.now() - accessTokenSeconds * 1000 + 1_500 });
    const other = await listen();

    await gateway.broker.broadcast("auth.revoked", { subject: sessionId, issuedBefore: Date.now() + 1, sequence: 1 });

    await eventually(() => revoked.ended());
    await eventually(() => ending.ended());
    expect(other.ended()).toBe(false);
  });

  it("refuses the eleventh stream of a user until one is left", async () => {
    const ten = await Promise.all(Array.from({ length: 10 }, () => listen()));

    const eleventh = await listen();
    await eventually(() => eleventh.ended());
    expect(eleventh.response.statusCode).toBe(429);
    expect(eleventh.response.headers["retry-after"]).toBe("10");
    expect(JSON.parse(eleventh.text())).toMatchObject({ code: "TOO_MANY_STREAMS" });

    ten[0]?.leave();
    await eventually(async () => (await listen()).response.statusCode === 200);
  });

  it("ends all streams when the node stops", async () => {
    const alice = await listen();

    await gateway.drain();

    await eventually(() => alice.ended());
    expect(alice.text()).toContain("retry:");
  });
});

describe("a client that does not read", () => {
  const pages = 20;
  const session = { userId: aliceId, sessionId: newId(), roles: [], issuedAtMs: 0, expiresAtMs: Date.now() + 60_000 };
  const items = Array.from({ length: 100 }, (_, i) => ({
    sequence: i + 1,
    notification: { title: "x".repeat(10_000) },
  }));

  /** A server whose only answer is a stream of 20 MB. */
  const unexpected: unknown[] = [];
  async function serve(): Promise<{ port: number; state: () => "open" | "ended"; close: () => void }> {
    let read = 0;
    const since = ({ after }: { after: number | null }) => ({
      last: 0,
      items: after === null || (read += 1) > pages ? [] : items,
    });
    const open = streams({
      bus: { call: async (_name: string, params: { after: number | null }) => since(params) },
      onError: (error) => unexpected.push(error),
      lookEveryMs: 300,
    });
    let ended = false;
    const server = createServer((_req, res) => {
      res.once("close", () => (ended = true));
      void open.open(res, session, undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return { port, state: () => (ended ? "ended" : "open"), close: () => void server.close() };
  }

  it("is dropped, while one that reads gets everything", async () => {
    const [lazy, eager] = [await serve(), await serve()];
    const sockets = [lazy, eager].map(({ port }) => connect(port, "127.0.0.1"));
    let received = 0;
    sockets[1]?.on("data", (chunk: Buffer) => (received += chunk.length));
    for (const socket of sockets) socket.on("error", () => socket.destroy()).write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

    await eventually(() => lazy.state() === "ended");
    await eventually(() => received > pages * 100 * 10_000);

    expect(eager.state()).toBe("open");
    expect(unexpected).toEqual([]);
    for (const socket of sockets) socket.destroy();
    for (const { close } of [lazy, eager]) close();
  });
});
