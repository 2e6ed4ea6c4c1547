import { DomainError } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import { startGateway, tokenOf, type TestGateway } from "../gateway/support.ts";

const id = newId();
const requests = [
  ["GET", "/ops/nodes", "ops.nodes", {}],
  ["GET", "/ops/live", "ops.live", {}],
  ["GET", "/ops/doctor", "ops.doctor", {}],
  ["GET", `/ops/orders/${id}/explain`, "ops.explain", { id }],
  ["GET", "/ops/dead-letters?limit=5&cursor=abc", "ops.deadLetters", { limit: 5, cursor: "abc" }],
  ["POST", `/ops/dead-letters/${id}/redrive`, "ops.redrive", { id }],
  ["GET", "/ops/outbox", "ops.outbox", {}],
  ["GET", "/ops/config", "ops.config", {}],
  ["GET", "/ops/audit?action=refund&limit=5", "ops.auditLog", { action: "refund", limit: 5 }],
] as const;

describe("operating over REST", () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({
      answers: {
        "ops.redrive": ({ params }) => {
          if (params.id === id) return { id, consumers: ["orders"], status: "WAITING" };
          throw new DomainError("conflict", "NOT_A_DEAD_LETTER", "This event is no dead letter: it is APPLIED.");
        },
      },
    });
  });
  afterAll(() => gateway.stop());

  it.each(requests)("leads administrators with %s %s to %s", async (method, path, action, params) => {
    const { status } = await gateway.request(method, `/api/v1${path}`, { token: tokenOf({ roles: ["admin"] }) });

    expect(status).toBe(200);
    expect(gateway.calls.at(-1)).toMatchObject({ action, params });
  });

  it.each(requests)("lets nobody else in with %s %s", async (method, path) => {
    const before = gateway.calls.length;

    const answers = await Promise.all([
      gateway.request(method, `/api/v1${path}`),
      gateway.request(method, `/api/v1${path}`, { token: tokenOf() }),
      gateway.request(method, `/api/v1${path}`, { token: tokenOf({ roles: ["support"] }) }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([401, 403, 403]);
    expect(gateway.calls).toHaveLength(before);
  });

  it("answers 409 for what is no dead letter any more, and 404 for what is no id", async () => {
    const token = tokenOf({ roles: ["admin"] });
    const redrive = (which: string) => gateway.request("POST", `/api/v1/ops/dead-letters/${which}/redrive`, { token });

    expect(await redrive(newId())).toMatchObject({ status: 409, body: { code: "NOT_A_DEAD_LETTER" } });
    expect(await redrive("x")).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
  });

  it("has no way in for what only services and the terminal may ask", async () => {
    const token = tokenOf({ roles: ["admin"] });

    for (const path of ["/ops/hasten", "/orders/audit/x", "/ops/redrive"]) {
      expect((await gateway.request("POST", `/api/v1${path}`, { token })).status).toBe(404);
    }
  });
});
