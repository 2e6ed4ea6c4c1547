import { newId } from "../../lib/ids.ts";
import type { ChargeRequest, PaymentProvider } from "../../services/payments/providers/provider.ts";

/** A payment provider with its counterpart, and the means to play the customer and the network. */
export interface ProviderWorld {
  provider: PaymentProvider;
  /** The same client, where nobody answers. */
  unreachable: PaymentProvider;
  tokens: {
    ok: string;
    declined: string;
    /** The customer has to act first. */
    waits: string;
    /** Charged, and the answer never comes. */
    unanswered: string;
    /** Charged, and answered with an error of the provider's own. */
    failing: string;
  };
  decide(payment: { paymentId: string; ref: string }, decision: "approve" | "decline"): Promise<void>;
  /** What the provider took for a payment, and what it gave back, in minor units. */
  moved(paymentId: string): Promise<{ taken: number[]; returned: number[] }>;
  /** A message about the charge as it is now, signed with this secret at this time. */
  message(
    payment: { paymentId: string; ref: string },
    options?: { secret?: string; atMs?: number },
  ): Promise<{ body: Buffer; headers: Record<string, string> }>;
  /** These bytes, signed. */
  signed(body: string): { body: Buffer; headers: Record<string, string> };
  /** A message about something else than a payment. */
  otherMessage: string;
  previousSecret: string;
  stop(): Promise<void>;
}

/** What the rest of the system relies on, and every provider has to keep. */
export function describeProvider(name: string, open: () => Promise<ProviderWorld>): void {
  describe(`the contract of payment providers: ${name}`, () => {
    let world: ProviderWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.stop());

    const soon = () => AbortSignal.timeout(5_000);
    const request = (token: string | null, fields: Partial<ChargeRequest> = {}): ChargeRequest => ({
      paymentId: newId(),
      orderId: newId(),
      amountCents: 1_000,
      currency: "GBP",
      method: "card",
      token,
      ...fields,
    });
    const known = ({ token: _token, ...payment }: ChargeRequest, ref: string | null = null) => ({ ...payment, ref });
    const charge = (asked: ChargeRequest) => world.provider.charge(asked, soon());
    const charged = async (token: string) => {
      const asked = request(token);
      const { ref } = await charge(asked);
      if (ref === null) throw new Error("charged without a reference");
      return { ...asked, ref };
    };
    const refund = ({ paymentId, ref }: { paymentId: string; ref: string }, amountCents: number, refundId = newId()) =>
      world.provider.refund({ refundId, paymentId, chargeRef: ref, amountCents }, soon());

    it("charges, and answers with what it took", async () => {
      const asked = request(world.tokens.ok);
      expect(await charge(asked)).toMatchObject({
        provider: world.provider.name,
        paymentId: asked.paymentId,
        ref: expect.stringMatching(/^[\x21-\x7e]{1,64}$/) as string,
        status: "succeeded",
        failureCode: null,
        redirectUrl: null,
        amountCents: 1_000,
        currency: "GBP",
      });
      expect(await world.moved(asked.paymentId)).toEqual({ taken: [1_000], returned: [] });
    });

    it("charges once for twenty requests with the same id", async () => {
      const asked = request(world.tokens.ok);
      const answers = await Promise.all(Array.from({ length: 20 }, () => charge(asked)));
      expect(new Set(answers.map(({ ref, status }) => `${ref} ${status}`)).size).toBe(1);
      expect((await world.moved(asked.paymentId)).taken).toEqual([1_000]);
    });

    it("answers a declined charge as failed, with the reason", async () => {
      const asked = request(world.tokens.declined);
      expect(await charge(asked)).toMatchObject({
        status: "failed",
        failureCode: expect.stringMatching(/^[\w.-]{1,64}$/) as string,
        redirectUrl: null,
      });
      expect(await world.provider.find(known(asked), soon())).toMatchObject({ status: "failed" });
      expect((await world.moved(asked.paymentId)).taken).toEqual([]);
    });

    it.each(["approve", "decline"] as const)("sends the customer to a page where they %s", async (decision) => {
      const asked = request(world.tokens.waits);
      const { ref, ...pending } = await charge(asked);
      expect(pending).toMatchObject({
        status: "pending",
        redirectUrl: expect.stringMatching(/^https?:\/\//) as string,
      });
      expect(await world.provider.find(known(asked, ref), soon())).toMatchObject({ status: "pending", ref });

      await world.decide({ paymentId: asked.paymentId, ref: ref ?? "" }, decision);

      const status = decision === "approve" ? "succeeded" : "failed";
      expect(await world.provider.find(known(asked, ref), soon())).toMatchObject({ status, redirectUrl: null });
    });

    it.each(["unanswered", "failing"] as const)("says what became of a charge that went %s", async (token) => {
      const asked = request(world.tokens[token]);
      await expect(world.provider.charge(asked, AbortSignal.timeout(500))).rejects.toMatchObject({
        name: "ProviderUnavailable",
        answered: token === "failing",
      });
      expect(await world.provider.find(known(asked), soon())).toMatchObject({ status: "succeeded" });
      expect((await world.moved(asked.paymentId)).taken).toEqual([1_000]);
    });

    it("never charges a payment that was voided before it came", async () => {
      const asked = request(world.tokens.ok);
      expect(await world.provider.find(known(asked), soon())).toBeNull();
      expect(await world.provider.void(known(asked), soon())).toMatchObject({ status: "voided" });
      expect(await charge(asked)).toMatchObject({ status: "voided" });
      expect((await world.moved(asked.paymentId)).taken).toEqual([]);
    });

    it("voids what waits for the customer, and not what was paid", async () => {
      const waiting = await charged(world.tokens.waits);
      const paid = await charged(world.tokens.ok);
      expect(await world.provider.void(known({ ...waiting, token: null }, waiting.ref), soon())).toMatchObject({
        status: "voided",
      });
      expect(await world.provider.void(known({ ...paid, token: null }, paid.ref), soon())).toMatchObject({
        status: "succeeded",
      });
    });

    it("either charges or voids when both are asked for at once", async () => {
      const asked = request(world.tokens.ok);
      const [one, other] = await Promise.all([charge(asked), world.provider.void(known(asked), soon())]);
      expect(one.status).toBe(other.status);
      expect((await world.moved(asked.paymentId)).taken).toHaveLength(one.status === "succeeded" ? 1 : 0);
    });

    it("refunds once for each id, and never more than was taken", async () => {
      const paid = await charged(world.tokens.ok);
      const refundId = newId();
      const first = await refund(paid, 400, refundId);
      expect(await refund(paid, 400, refundId)).toEqual(first);
      expect((await refund(paid, 600)).ref).not.toBe(first.ref);
      await expect(refund(paid, 1)).rejects.toMatchObject({ name: "ProviderRefused" });
      expect((await world.moved(paid.paymentId)).returned.toSorted()).toEqual([400, 600]);
    });

    it("does not know what became of a request that nobody answers, and stops waiting with its signal", async () => {
      const asked = request(world.tokens.ok);
      const signal = AbortSignal.timeout(1_000);
      const questions = [
        world.unreachable.charge(asked, signal),
        world.unreachable.find(known(asked), signal),
        world.unreachable.void(known(asked), signal),
        world.unreachable.refund({ ...asked, refundId: newId(), chargeRef: "pi_1" }, signal),
      ];
      for (const outcome of await Promise.allSettled(questions)) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { name: "ProviderUnavailable", answered: false } });
      }
    });

    it("has everything in its books, for an audit", async () => {
      const paid = await charged(world.tokens.ok);
      await refund(paid, 250);
      const { charges } = await world.provider.journal({ payments: [paid] }, soon());
      const expected = {
        ...{ paymentId: paid.paymentId, ref: paid.ref, status: "succeeded" },
        ...{ amountCents: 1_000, currency: "GBP", returnedCents: 250 },
      };
      expect(charges).toEqual([expected]);

      const all: unknown[] = [];
      let after: string | null = null;
      do {
        const page = await world.provider.journal({ after, sinceMs: 0 }, soon());
        all.push(...page.charges);
        after = page.next;
      } while (after !== null);
      expect(all).toContainEqual(expected);
    });

    describe("messages", () => {
      const read = ({ body, headers }: { body: Buffer; headers: Record<string, string> }) =>
        world.provider.parseWebhook(body, headers, Date.now());
      const refused = expect.objectContaining({ code: "INVALID_SIGNATURE", kind: "unauthenticated" }) as Error;
      const malformed = expect.objectContaining({ kind: "invalid" }) as Error;

      it("tell of a charge, the same way each time", async () => {
        const paid = await charged(world.tokens.ok);
        const message = await world.message(paid);
        const told = read(message);
        expect(told.eventId).toMatch(/^[\x21-\x7e]{1,64}$/);
        expect(told.charge).toMatchObject({
          ...{ provider: world.provider.name, paymentId: paid.paymentId, ref: paid.ref },
          ...{ status: "succeeded", amountCents: 1_000, currency: "GBP" },
        });
        expect(read(message)).toEqual(told);
      });

      it("are believed under the secret before the present one", async () => {
        const paid = await charged(world.tokens.ok);
        const { previousSecret: secret } = world;
        expect(read(await world.message(paid, { secret })).charge).toMatchObject({ status: "succeeded" });
      });

      it.each([
        ["under another secret", { secret: "whsec_0123456789abcdefghij" }],
        ["from over five minutes ago", { atMs: Date.now() - 302_000 }],
        ["from over five minutes ahead", { atMs: Date.now() + 360_000 }],
      ])("signed %s are refused", async (_what, options) => {
        const message = await world.message(await charged(world.tokens.ok), options);
        expect(() => read(message)).toThrow(refused);
      });

      it("are refused when a byte was changed, and without a signature", async () => {
        const { body, headers } = await world.message(await charged(world.tokens.ok));
        expect(() => read({ body: Buffer.concat([body, Buffer.from(" ")]), headers })).toThrow(refused);
        expect(() => read({ body, headers: {} })).toThrow(refused);
      });

      it.each(["{", "null", "[]", "{}"])("that are signed and say %j are refused", (text) => {
        expect(() => read(world.signed(text))).toThrow(malformed);
      });

      it("about something else are taken, and tell of no charge", () => {
        expect(read(world.signed(world.otherMessage)).charge).toBeNull();
      });
    });
  });
}
