import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../config.ts";
import type { DoctorReport } from "../../contracts/ops.ts";
import { announcementOf } from "../../lib/armed-failpoints.ts";
import { failpoints, type Failpoint, type FailpointName } from "../../lib/failpoints.ts";
import { derivedKey } from "../../lib/secrets.ts";
import type { Journal } from "../../services/payments/providers/sandbox/api.ts";
import { startSandbox, type Sandbox } from "../../services/payments/providers/sandbox/server.ts";
import { FailpointRun, type Deal } from "./failpoint-run.ts";
import { startHub, type Hub, type StoreName } from "./hub.ts";
import { Shop } from "./shop.ts";
import { startSmtp, type TestSmtp } from "./smtp.ts";
import { sqliteStore, type TestStore } from "./stores.ts";
import { eventually } from "./wait.ts";

const initialStock = 10_000;
const atOnce = 3;
const firesWithinMs = 90_000;
/** What was claimed by a process that was killed goes on when its lease is over: for the last process, it is. */
const longestLeaseMs = 30_000;
const skewedClock = new URL("../../chaos/skewed-clock.ts", import.meta.url).href;
const healedWithinMs = 90_000;

/** Every action at one point: what is thrown at is repeated, what is delayed goes on, and then the process dies. */
const allActions = (name: FailpointName): Failpoint[] => [
  { name, nth: 1, action: { kind: "throw" } },
  { name, nth: 2, action: { kind: "delay", ms: 200 } },
  { name, nth: 3, action: { kind: "kill" } },
];

/** Those of them that have not fired. */
const silentOf = (name: FailpointName, hub: Hub): Failpoint[] =>
  allActions(name).filter((point) => !hub.output().includes(announcementOf(point)));

const setting = (points: readonly Failpoint[]): string =>
  points
    .map(({ name, nth, action }) => `${name}=${action.kind === "delay" ? `delay:${action.ms}` : action.kind}@${nth}`)
    .join();

// first the one that needs deadlines which would be in the way of all others
const needsShortDeadline = "expire.after-commit" satisfies FailpointName;
const others = (Object.keys(failpoints) as FailpointName[]).filter((name) => name !== needsShortDeadline);

/** What a run consists of. */
interface Parts {
  hub: Hub;
  run: FailpointRun;
  sandbox: Sandbox;
  sandboxStore: TestStore;
  smtp: TestSmtp;
  sku: string;
}

/** A system that is killed at every failpoint, beside a payment provider and a mail server that are not. */
export class FailpointMatrix {
  private readonly parts: Parts;

  private constructor(parts: Parts) {
    this.parts = parts;
  }

  static async start(store: StoreName, env: Record<string, string> = {}): Promise<FailpointMatrix> {
    const secretKey = randomBytes(32).toString("hex");
    const webhookSecret = derivedKey(readConfig({ SECRET_KEY: secretKey }), "sandbox-webhooks").toString("hex");
    const sandboxStore = sqliteStore();
    const sandbox = await startSandbox({ store: sandboxStore.config, port: 0, webhookSecret });
    const smtp = await startSmtp();
    const hub = await startHub(store, {
      SECRET_KEY: secretKey,
      SANDBOX_URL: sandbox.url,
      SMTP_URL: smtp.url,
      REGISTER_RATE_LIMIT: "10000",
      LOG_LEVEL: "error",
      // it starts as often as there are failpoints
      NODE_COMPILE_CACHE: join(tmpdir(), "hub-failpoints-compiled"),
      ORDER_TTL_SECONDS: "1",
      FAILPOINTS: setting(allActions(needsShortDeadline)),
      ...env,
    });
    const shop = await Shop.open(hub);
    const sku = await shop.product(initialStock);
    return new FailpointMatrix({ hub, run: new FailpointRun(shop, sku), sandbox, sandboxStore, smtp, sku });
  }

  /** Has every point throw, wait and kill; resolves once all customers have what they wanted. */
  async failEverywhere(): Promise<void> {
    const { hub } = this.parts;
    const flows = await this.failAt(needsShortDeadline);
    hub.env.ORDER_TTL_SECONDS = "900";
    for (const name of others) {
      await this.restartWith(name);
      flows.push(...(await this.failAt(name)));
    }
    hub.env.FAILPOINTS = "";
    hub.env.NODE_OPTIONS = `--import=${skewedClock}?ms=${longestLeaseMs + 1_000}`;
    await hub.restart();
    await Promise.all(flows);
  }

  /** What is left undone may lead past the point, and end the process, before it is ready. */
  private async restartWith(name: FailpointName): Promise<void> {
    const { hub } = this.parts;
    hub.env.FAILPOINTS = setting(allActions(name));
    await hub.restart().catch((error: unknown) => {
      if (silentOf(name, hub).length > 0) throw error;
    });
  }

  /** Leads customers past a point until it has killed the process; what they are at goes on with the next one. */
  private async failAt(name: FailpointName): Promise<Promise<unknown>[]> {
    const flows: Promise<unknown>[] = [];
    const { hub, run } = this.parts;
    const dead = hub.ended();
    const begin = (step: Promise<unknown>): Promise<unknown> => {
      // whoever awaits them all meets the error
      step.catch(() => undefined);
      flows.push(step);
      return step;
    };
    const buyer = run.register();
    void begin(buyer);
    const deadline = Date.now() + firesWithinMs;
    while (hub.isRunning() && Date.now() < deadline) {
      const steps = Array.from({ length: atOnce }, () => begin(buyer.then((who) => run.steps[name](who))));
      await Promise.race([dead, Promise.all(steps)]);
    }
    const silent = silentOf(name, hub);
    if (silent.length > 0) throw new Error(`never fired: ${setting(silent)}\n${hub.output().slice(-2_000)}`);
    await dead;
    return flows;
  }

  get deals(): readonly Deal[] {
    return this.parts.run.deals;
  }

  /** Customers ask for everything again, with the keys they had. */
  async askAgain(): Promise<void> {
    for (const { again } of this.deals) for (const ask of again) await ask();
  }

  /** What the provider's own books say of each order: how often it was charged, how much, and what went back. */
  async charged(): Promise<Map<string, { charges: number; cents: number; returnedCents: number }>> {
    const journal = (await (await fetch(`${this.parts.sandbox.url}/journal`)).json()) as Journal;
    const byPayment = new Map(journal.charges.map((charge) => [charge.reference, charge]));
    const sums = new Map<string, { charges: number; cents: number; returnedCents: number }>();
    for (const { who, order } of this.deals) {
      const payments = await this.parts.run.shop.payments(who, order.id);
      const charges = payments.flatMap(({ id }) => byPayment.get(id) ?? []).filter((one) => one.status === "succeeded");
      const refs = new Set(charges.map(({ ref }) => ref));
      for (const { id } of payments) byPayment.delete(id);
      sums.set(order.id, {
        charges: charges.length,
        cents: charges.reduce((sum, { amountCents }) => sum + amountCents, 0),
        returnedCents: journal.refunds
          .filter(({ chargeRef }) => refs.has(chargeRef))
          .reduce((sum, { amountCents }) => sum + amountCents, 0),
      });
    }
    const strays = [...byPayment.values()].filter(({ status }) => status === "succeeded");
    if (strays.length > 0) throw new Error(`charges of no order: ${JSON.stringify(strays)}`);
    return sums;
  }

  /** Resolves once everybody was told of each event once, in the shop and by e-mail. */
  async toldOnce(): Promise<void> {
    const { shop, people } = this.parts.run;
    for (const { who, order, told } of this.deals) await shop.told(who, order.id, told, healedWithinMs);
    for (const who of people) {
      const inShop = (await shop.notifications(who)).length;
      await eventually(() => this.mailsTo(who.email).size >= inShop, healedWithinMs);
      expect(this.mailsTo(who.email).size).toBe(inShop);
    }
  }

  /** A message that is sent twice has its id from the first time, by which mail programs know it. */
  private mailsTo(email: string): Set<string> {
    return new Set(this.parts.smtp.received.filter(({ to }) => to.includes(email)).map(({ messageId }) => messageId));
  }

  stock(): Promise<{ onHand: number; reserved: number }> {
    return this.parts.run.shop.level(this.parts.sku).then(({ body: { onHand, reserved } }) => ({ onHand, reserved }));
  }

  async violations(): Promise<DoctorReport["checks"]> {
    const { rest, admin } = this.parts.run.shop;
    const { body } = await rest.get<DoctorReport>("/ops/doctor", { token: admin });
    return body.checks.filter(({ ok }) => !ok);
  }

  async stop(): Promise<void> {
    await this.parts.hub.dispose();
    await this.parts.smtp.stop();
    await this.parts.sandbox.stop();
    await this.parts.sandboxStore.dispose();
  }
}

/** The customer's view and the books', after every failpoint has thrown, waited and killed. */
export function describeFailpoints(title: string, start: () => Promise<FailpointMatrix>): void {
  describe(title, () => {
    let matrix: FailpointMatrix;

    beforeAll(async () => {
      matrix = await start();
    }, 200_000);
    afterAll(() => matrix.stop());

    it("reaches every failpoint, and gives each customer what they asked for in the end", async () => {
      await matrix.failEverywhere();
    }, 600_000);

    it("answers the same key with the same order, payment and refund", () => matrix.askAgain(), 120_000);

    it("has charged each order once and returned what was refunded, by the provider's own books", async () => {
      const charged = await matrix.charged();

      for (const { order, status, returnedCents } of matrix.deals) {
        const isCharged = status === "PAID" || status === "REFUNDED";
        expect(charged.get(order.id)).toEqual({
          charges: isCharged ? 1 : 0,
          cents: isCharged ? order.totalCents : 0,
          returnedCents,
        });
      }
    }, 60_000);

    it("has told everybody of each event once, in the shop and by e-mail", () => matrix.toldOnce(), 300_000);

    it("has no stock left that is held for nobody", async () => {
      const sold = matrix.deals.filter(({ status }) => status === "PAID").length;
      await eventually(async () => {
        const { onHand, reserved } = await matrix.stock();
        return onHand === initialStock - sold && reserved === 0;
      }, healedWithinMs);
    }, 200_000);

    it("leaves a doctor with nothing to find", async () => {
      await eventually(async () => (await matrix.violations()).length === 0, healedWithinMs).catch(() => undefined);
      expect(await matrix.violations()).toEqual([]);
    }, 200_000);
  });
}
