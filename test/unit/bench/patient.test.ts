import { patient, type Answer, type Call } from "../../../bench/generator/http.ts";

const call: Call = { method: "POST", path: "/api/v1/orders", headers: ["idempotency-key", "one"] };

/** Answers one after another, and notes what was sent when. */
function scripted(answers: Answer[]) {
  const sent: { call: Call; atMs: number }[] = [];
  return {
    sent,
    async send(sending: Call): Promise<Answer> {
      sent.push({ call: sending, atMs: performance.now() });
      return answers.shift() ?? { status: 500, body: "" };
    },
    listen: async () => undefined,
    close: async () => undefined,
  };
}

describe("the clients of a closed load", () => {
  it("send the same call again when they are told to, after that time", async () => {
    const server = scripted([
      { status: 503, body: "", retryAfterMs: 120 },
      { status: 429, body: "", retryAfterMs: null },
      { status: 201, body: "order" },
    ]);
    const client = patient(server, Infinity);

    expect(await client.send(call, 0)).toEqual({ status: 201, body: "order" });

    const [first, second] = server.sent;
    expect(server.sent.map((one) => one.call)).toEqual([call, call, call]);
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(119);
    expect(client.refused).toBe(2);
  });

  it("take a refusal for an answer once their time is over", async () => {
    const server = scripted([{ status: 503, body: "no", retryAfterMs: 1_000 }]);
    const client = patient(server, performance.now() + 500);

    expect(await client.send(call, 0)).toMatchObject({ status: 503 });
    expect(server.sent).toHaveLength(1);
  });

  it("take other failures for answers", async () => {
    const server = scripted([{ status: 500, body: "broken" }]);
    const client = patient(server, Infinity);

    expect(await client.send(call, 0)).toMatchObject({ status: 500 });
    expect(client.refused).toBe(0);
  });
});
