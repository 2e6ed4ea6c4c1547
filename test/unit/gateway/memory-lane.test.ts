import type { ServerResponse } from "node:http";
import { newId } from "../../../lib/ids.ts";
import { memoryReads } from "../../../lib/memory-reads.ts";
import type { Admission } from "../../../services/gateway/admission.ts";
import type { Load } from "../../../services/gateway/load.ts";
import { memoryLane } from "../../../services/gateway/memory-lane.ts";
import { pathCheck } from "../../../services/gateway/params.ts";
import type { Target } from "../../../services/gateway/requests.mixin.ts";
import { basePath, contractOfRoute, routes } from "../../../services/gateway/routes.ts";
import type { WebAlias, WebRequest } from "../../../services/gateway/web.ts";

const id = newId();
const user = { userId: newId(), sessionId: newId(), roles: ["customer"] };

interface Setup {
  hasRoom?: boolean;
  isFar?: boolean;
  session?: object | null;
}

/** The lane of all routes, over answers that a test offers, and what it did. */
function setUp({ hasRoom = true, isFar = true, session = user }: Setup = {}) {
  const done = { sent: [] as unknown[], counted: [] as string[], answered: [] as string[] };
  const reads = memoryReads((action) => done.answered.push(action));
  const targets = new Map<WebAlias, Target>(
    routes.map((route) => {
      const contract = contractOfRoute(route);
      const entry = { access: contract.access, limited: true, ignoresToken: false };
      const target = { entry, route, asked: {}, canExist: pathCheck(route, contract) } as unknown as Target;
      return [{ method: route.method, fullPath: basePath + route.path } as WebAlias, target];
    }),
  );
  const takeNow = (client: string): boolean => {
    if (isFar) done.counted.push(client);
    return isFar;
  };
  const admission = {
    authenticator: { verifyNow: () => session },
    limiter: { takeNow },
    trustedProxies: 0,
  } as unknown as Admission;
  const lane = memoryLane({
    ...{ targets, reads, admission, headers: [] },
    load: { hasRoom: () => hasRoom } as unknown as Load,
  });
  const res = { writeHead: () => res, end: (text: string) => done.sent.push(JSON.parse(text)) };
  const ask = (path: string, method = "GET"): boolean => {
    const headers = { host: "hub", authorization: "Bearer t" };
    const req = { method, url: basePath + path, headers, httpVersion: "1.1", rawHeaders: ["Host", "hub"], socket: {} };
    return lane({ ...req, startedAtMs: 0 } as unknown as WebRequest, res as unknown as ServerResponse);
  };
  return { done, reads, ask };
}
const nothing = { sent: [], counted: [], answered: [] };
const order = { id } as never;

describe("the lane of reads in memory", () => {
  it("answers with what is offered to the caller, and counts it once", () => {
    const { done, reads, ask } = setUp();
    const asked: unknown[] = [];
    reads.offer("orders.get", (params, caller) => {
      asked.push([params, caller?.id]);
      return order;
    });

    expect(ask(`/orders/${id}`)).toBe(true);
    expect(asked).toEqual([[{ id }, user.userId]]);
    expect(done).toEqual({ sent: [order], counted: [user.userId], answered: ["orders.get"] });
  });

  it.each([
    ["there is too much to do", { hasRoom: false }],
    ["its client is near the limit", { isFar: false }],
    ["its token is not known", { session: null }],
  ])("does nothing where %s", (_what, setup) => {
    const { done, reads, ask } = setUp(setup);
    reads.offer("orders.get", () => order);

    expect(ask(`/orders/${id}`)).toBe(false);
    expect(done).toEqual(nothing);
  });

  it("does nothing where nothing is offered, nothing is in memory, or it was withdrawn", () => {
    const { done, reads, ask } = setUp();
    expect(ask(`/orders/${id}`)).toBe(false);
    reads.offer("orders.get", () => undefined);
    expect(ask(`/orders/${id}`)).toBe(false);
    reads.offer("orders.get", () => order);
    reads.withdraw("orders.get");

    expect(ask(`/orders/${id}`)).toBe(false);
    expect(done).toEqual(nothing);
  });

  it("asks what the caller's role allows", () => {
    const { done, reads, ask } = setUp();
    reads.offer("inventory.get", () => order);

    expect(ask("/inventory/A-1")).toBe(false);
    expect(done).toEqual(nothing);
  });

  it("leaves alone what leads elsewhere", () => {
    const { done, reads, ask } = setUp();
    reads.offer("payments.get", () => order);
    reads.offer("orders.get", () => order);
    reads.offer("orders.timeline", () => order);

    const paths = ["/payments/methods", `/orders/${id}/timeline`, `/orders/${id}?`, "/orders/1", "/orders", "/orders/"];
    expect(paths.map((path) => ask(path))).toEqual(paths.map(() => false));
    expect(ask(`/orders/${id}`, "POST")).toBe(false);
    expect(done).toEqual(nothing);
  });
});
