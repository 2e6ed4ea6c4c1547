import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const stripeSecretKey = "sk_test_0123456789abcdef";

type Fields = Record<string, unknown>;

export interface StripeIntent extends Fields {
  id: string;
  status: string;
  amount: number;
  amount_received: number;
  metadata: Record<string, string>;
}

/** What becomes of the next request: an error before or after it takes effect, or no answer after it. */
type Trouble = { path: RegExp; status?: number; when: "before" | "after" };

/** The calls that a provider makes at Stripe, over HTTP in Stripe's own form, with its rules for idempotency keys. */
export interface StripeServer {
  url: string;
  intents: Map<string, StripeIntent>;
  refunds: Fields[];
  /** The requests that came, as `POST /v1/refunds`. */
  asked: string[];
  /** What the search knows: at Stripe it lags behind by up to a minute. */
  searchable: boolean;
  trouble(next: Trouble): void;
  intentOf(paymentId: string): StripeIntent;
  /** The customer's decision on the page of their bank or wallet. */
  decide(paymentId: string, decision: "approve" | "decline"): void;
  /** As Stripe does after 24 hours. */
  forgetKeys(): void;
  stop(): Promise<void>;
}

class Refusal extends Error {
  readonly status: number;
  readonly error: Fields;
  constructor(status: number, error: Fields) {
    super(String(error.code));
    this.status = status;
    this.error = error;
  }
}

const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString("hex")}`;
const invalid = (code: string): Refusal => new Refusal(400, { type: "invalid_request_error", code });
const missing = (): Refusal => new Refusal(404, { type: "invalid_request_error", code: "resource_missing" });
const declined = { type: "card_error", code: "card_declined", decline_code: "insufficient_funds" };

export async function startStripe(): Promise<StripeServer> {
  const intents = new Map<string, StripeIntent>();
  const refunds: Fields[] = [];
  const asked: string[] = [];
  const keys = new Map<string, { request: string; status: number; body: unknown }>();
  const troubles: Trouble[] = [];
  const state = { searchable: false };

  const intent = (id = ""): StripeIntent => {
    const found = intents.get(id);
    if (!found) throw missing();
    return found;
  };
  const intentOf = (paymentId: string): StripeIntent => {
    const found = [...intents.values()].find(({ metadata }) => metadata.hub_payment_id === paymentId);
    if (!found) throw new Error(`nothing was made for ${paymentId}`);
    return found;
  };
  const refundedOf = (id: string): number =>
    refunds.filter(({ payment_intent: of }) => of === id).reduce((sum, { amount }) => sum + Number(amount), 0);
  const shown = (one: StripeIntent): StripeIntent => ({
    ...one,
    latest_charge: one.amount_received > 0 ? { id: `ch_${one.id}`, amount_refunded: refundedOf(one.id) } : null,
  });

  const create = (form: URLSearchParams): StripeIntent => {
    const amount = Number(form.get("amount"));
    if (!Number.isInteger(amount) || amount < 1) throw invalid("parameter_invalid_integer");
    const made: StripeIntent = {
      id: newId("pi"),
      object: "payment_intent",
      status: "requires_payment_method",
      amount,
      amount_received: 0,
      currency: form.get("currency"),
      payment_method_types: [form.get("payment_method_types[0]")],
      metadata: {
        hub_payment_id: form.get("metadata[hub_payment_id]") ?? "",
        hub_order_id: form.get("metadata[hub_order_id]") ?? "",
      },
      last_payment_error: null,
      next_action: null,
      created: Math.floor(Date.now() / 1_000),
    };
    intents.set(made.id, made);
    return made;
  };
  const succeed = (one: StripeIntent): void => {
    Object.assign(one, { status: "succeeded", amount_received: one.amount, next_action: null });
  };
  const decline = (one: StripeIntent): void => {
    Object.assign(one, { status: "requires_payment_method", next_action: null, last_payment_error: declined });
  };
  const confirm = (one: StripeIntent, form: URLSearchParams): StripeIntent => {
    if (one.status !== "requires_payment_method") throw invalid("payment_intent_unexpected_state");
    const wallet = form.get("payment_method_data[type]");
    if (wallet === "alipay") {
      const url = `https://pay.example/${one.id}`;
      return Object.assign(one, { status: "requires_action", next_action: { alipay_handle_redirect: { url } } });
    }
    if (wallet === "wechat_pay") {
      if (form.get("payment_method_options[wechat_pay][client]") !== "web") throw invalid("parameter_missing");
      const next = { wechat_pay_display_qr_code: { hosted_instructions_url: `https://pay.example/${one.id}` } };
      return Object.assign(one, { status: "requires_action", next_action: next });
    }
    switch (form.get("payment_method")) {
      case "pm_ok":
        succeed(one);
        return one;
      case "pm_declined":
        decline(one);
        throw new Refusal(402, { ...declined, payment_intent: shown(one) });
      case "pm_3ds":
        if (!form.get("return_url")) throw invalid("parameter_missing");
        return Object.assign(one, {
          status: "requires_action",
          next_action: { redirect_to_url: { url: `https://bank.example/${one.id}` } },
        });
      case "pm_processing":
        return Object.assign(one, { status: "processing" });
      default:
        throw new Refusal(400, { type: "invalid_request_error", code: "resource_missing", param: "payment_method" });
    }
  };
  const cancel = (one: StripeIntent): StripeIntent => {
    if (one.status === "succeeded" || one.status === "processing") throw invalid("payment_intent_unexpected_state");
    return Object.assign(one, { status: "canceled", next_action: null });
  };
  const refund = (form: URLSearchParams): Fields => {
    const one = intent(form.get("payment_intent") ?? "");
    const amount = Number(form.get("amount"));
    if (one.status !== "succeeded" || refundedOf(one.id) + amount > one.amount_received) {
      throw invalid("charge_already_refunded");
    }
    const metadata = { hub_refund_id: form.get("metadata[hub_refund_id]") };
    const made = { id: newId("re"), object: "refund", status: "succeeded", amount, payment_intent: one.id, metadata };
    refunds.push(made);
    return made;
  };

  const answer = (method: string, { pathname, searchParams }: URL, form: URLSearchParams): unknown => {
    const [, , resource, id = "", verb] = pathname.split("/");
    if (resource === "refunds") {
      if (method === "POST") return refund(form);
      const of = refunds.filter(({ payment_intent: one }) => one === searchParams.get("payment_intent"));
      return { object: "list", data: of, has_more: false };
    }
    if (resource !== "payment_intents") throw missing();
    if (method === "POST" && id === "") return create(form);
    if (method === "POST" && verb === "confirm") return shown(confirm(intent(id), form));
    if (method === "POST" && verb === "cancel") return shown(cancel(intent(id)));
    const newestFirst = [...intents.values()].reverse();
    if (id === "search") {
      const wanted = /'([\w-]+)'$/.exec(searchParams.get("query") ?? "")?.[1];
      const found = state.searchable ? newestFirst.filter(({ metadata }) => metadata.hub_payment_id === wanted) : [];
      return { object: "search_result", data: found, has_more: false };
    }
    if (id !== "") return shown(intent(id));
    const after = newestFirst.findIndex((one) => one.id === searchParams.get("starting_after"));
    const limit = Number(searchParams.get("limit") ?? 10);
    const page = newestFirst.slice(after + 1, after + 1 + limit);
    return { object: "list", data: page.map(shown), has_more: after + 1 + limit < newestFirst.length };
  };

  const outcome = (method: string, url: URL, body: string): { status: number; body: unknown } => {
    try {
      return { status: 200, body: structuredClone(answer(method, url, new URLSearchParams(body))) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: { error: error.error } };
    }
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const { method = "GET", headers } = request;
    const url = new URL(request.url ?? "/", "http://stripe");
    asked.push(`${method} ${url.pathname}`);
    const send = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": "application/json", "request-id": "req_test" });
      response.end(JSON.stringify(value));
    };
    if (headers.authorization !== `Bearer ${stripeSecretKey}`) {
      return send(401, { error: { type: "invalid_request_error" } });
    }
    const at = troubles.findIndex(({ path }) => path.test(url.pathname));
    const trouble = at < 0 ? null : troubles.splice(at, 1)[0];
    const fail = (): void => {
      if (trouble?.status) send(trouble.status, { error: { type: "api_error" } });
      // without a status nothing is answered, until the client gives up
    };
    if (trouble?.when === "before") return fail();
    const key = headers["idempotency-key"];
    const before = typeof key === "string" ? keys.get(key) : undefined;
    if (before && before.request !== `${url.pathname} ${body}`) {
      return send(400, { error: { type: "idempotency_error" } });
    }
    const done = before ?? { request: `${url.pathname} ${body}`, ...outcome(method, url, body) };
    if (method === "POST" && typeof key === "string") keys.set(key, done);
    if (trouble) return fail();
    send(done.status, done.body);
  };

  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    intents,
    refunds,
    asked,
    get searchable() {
      return state.searchable;
    },
    set searchable(is) {
      state.searchable = is;
    },
    trouble: (next) => void troubles.push(next),
    intentOf,
    decide: (paymentId, decision) => (decision === "approve" ? succeed : decline)(intentOf(paymentId)),
    forgetKeys: () => keys.clear(),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
