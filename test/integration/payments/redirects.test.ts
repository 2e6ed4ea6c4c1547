import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { newId } from "../../../lib/ids.ts";
import { sandboxProvider } from "../../../services/payments/providers/sandbox/client.ts";
import { startSandbox } from "../../../services/payments/providers/sandbox/server.ts";
import { stripeProvider } from "../../../services/payments/providers/stripe/client.ts";
import { sqliteStore } from "../../support/stores.ts";
import { stripeSecretKey } from "../../support/stripe.ts";
import { eventually } from "../../support/wait.ts";

// Whoever answers a request of ours must not choose where its body, its key or its signature goes next.

const open: Server[] = [];
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let led: string[];
let asked: string[];
let astray: string;
beforeEach(async () => {
  [led, asked] = [[], []];
  const elsewhere = await serve((req, res) => {
    led.push(req.url ?? "");
    res.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  astray = await serve((req, res) => {
    asked.push(req.url ?? "");
    res.writeHead(307, { location: `${elsewhere}/inside` }).end();
  });
});
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const webhookSecrets = ["a secret that is long enough for this"];
const charge = (token: string) => ({
  ...{ paymentId: newId(), orderId: newId(), amountCents: 1_000, currency: "EUR", method: "card" as const, token },
});

it.each([
  ["the sandbox", () => sandboxProvider({ url: astray, publicUrl: astray, webhookSecrets }), "tok_ok"],
  [
    "Stripe",
    () => stripeProvider({ secretKey: stripeSecretKey, webhookSecrets, url: astray, returnUrl: astray }),
    "pm_ok",
  ],
])("a charge is not taken where an answer of %s leads", async (_whose, provider, token) => {
  await expect(provider().charge(charge(token), AbortSignal.timeout(5_000))).rejects.toThrow();

  expect(asked.length).toBeGreaterThan(0);
  expect(led).toEqual([]);
});

it("a webhook of the sandbox is not taken where its receiver leads", async () => {
  const store = sqliteStore();
  const sandbox = await startSandbox({ store: store.config, port: 0, webhookSecret: webhookSecrets[0] ?? "" });
  const provider = sandboxProvider({ url: sandbox.url, publicUrl: astray, webhookSecrets });

  // of which five webhooks tell
  await provider.charge(charge("tok_duplicate"), AbortSignal.timeout(5_000));

  // the sixth is sent because a lead is no answer
  await eventually(() => asked.length > 5, 20_000);
  expect(led).toEqual([]);
  await sandbox.stop();
  await store.dispose();
}, 30_000);
