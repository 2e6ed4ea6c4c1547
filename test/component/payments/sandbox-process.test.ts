import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { newId } from "../../../lib/ids.ts";
import { freePort } from "../../support/config.ts";
import { eventually } from "../../support/wait.ts";
import { expectBooksToAgree, openShop, type Shop } from "./support.ts";

const root = resolve(import.meta.dirname, "../../..");
const secretKey = "one secret for the sandbox and for the hub";

describe("with the sandbox as a process of its own", () => {
  let shop: Shop;
  let sandboxUrl: string;
  let child: ChildProcess;
  const dataDir = mkdtempSync(join(tmpdir(), "hub-sandbox-"));

  const startSandbox = async (): Promise<void> => {
    const { NODE_OPTIONS: _, ...env } = process.env;
    child = spawn(process.execPath, ["services/payments/providers/sandbox/main.ts"], {
      cwd: root,
      env: { ...env, DATABASE_URL: "", DATA_DIR: dataDir, SANDBOX_URL: sandboxUrl, SECRET_KEY: secretKey },
      stdio: "ignore",
    });
    await eventually(() =>
      fetch(`${sandboxUrl}/journal`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  };
  const endSandbox = async (signal: NodeJS.Signals): Promise<number | null> => {
    const ended = new Promise<number | null>((done) => child.once("exit", done));
    child.kill(signal);
    return ended;
  };

  beforeAll(async () => {
    sandboxUrl = `http://127.0.0.1:${await freePort()}`;
    shop = await openShop("SQLite", { SANDBOX_URL: sandboxUrl, SECRET_KEY: secretKey });
    await startSandbox();
  });
  afterAll(async () => {
    await shop.stop();
    expect(await endSandbox("SIGTERM")).toBe(0);
  });

  it("loses no charge and no webhook when the sandbox is killed, and refunds wait until it is back", async () => {
    const paid = await shop.pay();
    const coming = await shop.pay({ token: "tok_async_ok" });
    await endSandbox("SIGKILL");

    const unreachable = await shop.pay();
    const refundId = newId();
    const refund = () =>
      shop.broker.call("payments.refund", { refundId, paymentId: paid.id, amountCents: 1_000, reason: "broken" });
    expect(unreachable).toMatchObject({ status: "PENDING", providerRef: null });
    await expect(refund()).rejects.toMatchObject({
      code: 503,
      type: "PAYMENT_PROVIDER_UNAVAILABLE",
      data: { retryAfterSeconds: 5 },
    });
    await expect(shop.broker.call("payments.approvalPage", { providerRef: "ch_any" })).rejects.toMatchObject({
      code: 503,
    });

    await startSandbox();

    await shop.becomes(coming, "SUCCEEDED");
    await eventually(async () => (await shop.stored(paid)).refundedCents === 1_000, 15_000);
    expect(await refund()).toMatchObject({ refundedCents: 1_000 });
    // what the provider has not heard of for half a minute never reached it
    await shop.db.execute("UPDATE payments SET created_at = created_at - 30000, next_check_at = 0 WHERE id = ?", [
      unreachable.id,
    ]);
    await shop.becomes(unreachable, "CANCELLED");
    const { charges } = await shop.journal();
    expect(charges.find(({ reference }) => reference === unreachable.id)?.status).toBe("voided");
    await expectBooksToAgree(shop);
  });
});
