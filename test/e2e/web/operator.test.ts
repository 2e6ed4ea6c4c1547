import { createConnection, type Connection } from "mysql2/promise";
import type { Order } from "../../../contracts/orders.ts";
import { maxAttempts } from "../../../lib/inbox.ts";
import { startPrivateBacking, type PrivateBacking } from "../../../scripts/backing/index.ts";
import { browserWithinMs, openWindow, type Window } from "../../support/browser.ts";
import { adminCredentials, startHub, withDemo, type Hub } from "../../support/hub.ts";
import type { Person } from "../../support/rest.ts";
import { Shop } from "../../support/shop.ts";
import { testDatabaseUrl } from "../../support/stores.ts";
import { eventually } from "../../support/wait.ts";

let servers: PrivateBacking<"amqp">;
let hub: Hub;
let shop: Shop;
let window: Window;
let database: Connection;
let ann: Person;
let sku: string;
beforeAll(async () => {
  [servers, window] = await Promise.all([startPrivateBacking(["amqp"]), openWindow()]);
  hub = await startHub("MySQL", { ...withDemo, AMQP_URL: servers.amqp.url, SECRET_KEY: "k".repeat(40) });
  shop = await Shop.open(hub);
  database = await createConnection(`${testDatabaseUrl()}/${hub.env.DATABASE_PREFIX}notify`);
  ann = await hub.rest.signUp();
  sku = await shop.product(50);
}, browserWithinMs);
afterAll(async () => {
  await window.close();
  await database.end();
  await hub.dispose();
  await servers.stop();
});

async function signsIn(credentials: { email: string; password: string }): Promise<void> {
  const { page } = window;
  await page.goto(`${hub.url}/console`);
  await page.evaluate("localStorage.removeItem('session')");
  await page.reload();
  await page.getByLabel("E-mail address").fill(credentials.email);
  await page.getByLabel("Password").fill(credentials.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

const tile = (name: string) => window.page.locator(".tiles > div", { hasText: name }).locator("dd");

/** Has whatever notify writes about this order fail, as a fault of its own would. */
const breakNotify = ({ id }: Order) =>
  database.query(
    `CREATE TRIGGER broken BEFORE INSERT ON notifications FOR EACH ROW
     IF NEW.order_id = '${id}' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'out of ink'; END IF`,
  );

/** Has the event that fails come to its last try now, instead of in hours. */
const bury = () =>
  eventually(async () => {
    try {
      const [{ affectedRows }] = await database.query<never>(
        "UPDATE inbox SET attempts = ?, due_at = ? WHERE status = 'WAITING' AND attempts > 0",
        [maxAttempts - 1, Date.now()],
      );
      return affectedRows > 0;
    } catch (error) {
      // notify has the same rows in hand, and of the two MariaDB may turn this one away
      if ((error as { code?: string }).code !== "ER_LOCK_DEADLOCK") throw error;
      return false;
    }
  }, 30_000);

it("takes an operator through an incident: RabbitMQ away, orders pile up, a dead letter, and all is well again", async () => {
  const { page } = window;
  await signsIn(adminCredentials);
  await page.getByRole("heading", { name: "Overview" }).waitFor();

  await servers.amqp.kill();
  const paid = await shop.placed(ann, sku);
  expect((await shop.pay(ann, paid.id, "tok_ok")).status).toBe(200);
  const unlucky = await shop.placed(ann, sku);
  await eventually(async () => Number(await tile("Events waiting").innerText()) >= 4);
  await page.getByText("The message broker’s queues cannot be counted").waitFor();
  expect(await page.getByRole("row", { name: /orders outbox/ }).innerText()).toMatch(/\t[3-9]\t/);

  await page.getByRole("link", { name: "Orders" }).click();
  await page.getByLabel("Status").selectOption("CREATED");
  await page.getByRole("link", { name: unlucky.id.slice(-8).toUpperCase() }).click();
  await page.getByText("has not left yet").waitFor();
  await page.getByText("publish", { exact: true }).waitFor();

  await breakNotify(unlucky);
  await servers.amqp.restart();
  await bury();
  await page.getByText("notify: DEAD").waitFor();
  await page.getByRole("link", { name: "Dead letters" }).click();
  const letter = page.getByRole("row", { name: /order\.created/ });
  expect(await letter.innerText()).toContain("out of ink");
  await database.query("DROP TRIGGER broken");
  await letter.getByRole("button", { name: "Redrive order.created of notify" }).click();
  await page.getByText("No dead letter").waitFor();

  await page.goto(`${hub.url}/console/orders/${unlucky.id}`);
  await page.getByText("notify: APPLIED").waitFor();
  await page.getByText("Nothing is stuck.").waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await eventually(async () => (await tile("Events waiting").innerText()) === "0");
  expect(await tile("Dead letters").innerText()).toBe("0");
  await page.getByRole("link", { name: "Doctor" }).click();
  await page.getByRole("button", { name: "Examine now" }).click();
  await page.getByText("Healthy: every invariant holds").waitFor({ timeout: 60_000 });
  await shop.told(ann, unlucky.id, ["order.created"]);
  expect(window.complaints).toEqual([]);
});

it("shows live what goes through, and which node does it", async () => {
  const { page } = window;
  await page.goto(`${hub.url}/console`);
  for (let i = 0; i < 30; i += 1) await hub.rest.get("/products?limit=1");
  await hub.rest.get("/products/nothing-like-it");

  await page.getByRole("row", { name: /products\.list/ }).waitFor();
  await page.getByRole("row", { name: /products\.get .*100%/ }).waitFor();
  await page.getByRole("link", { name: "Nodes" }).click();
  await page.getByText("Requests under way").waitFor();
  const row = page.getByRole("row", { name: /^payments/ });
  expect(await row.innerText()).toContain("All closed");
});

it("sends and refunds an order, in part and whole, and shows the server's objections beside the fields", async () => {
  const { page } = window;
  const order = await shop.placed(ann, sku, 2);
  await shop.pay(ann, order.id, "tok_ok");
  await page.goto(`${hub.url}/console/orders/${order.id}`);

  await page.getByRole("button", { name: "Say that it was sent" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Carrier").fill("Royal Mail");
  await dialog.getByRole("button", { name: "Say that it was sent" }).click();
  await dialog.locator(".field", { hasText: "Tracking number" }).locator(".wrong").waitFor();
  await dialog.getByLabel("Tracking number").fill("RM9");
  await dialog.getByRole("button", { name: "Say that it was sent" }).click();
  await page.getByText("On its way").waitFor();

  await page.getByRole("button", { name: "Refund" }).click();
  await dialog.getByLabel("Amount in GBP").fill("one pound");
  await dialog.getByLabel("Reason").fill("scratched");
  await dialog.getByRole("button", { name: "Refund" }).click();
  await dialog.getByText("Write an amount such as 12.50.").waitFor();
  await dialog.getByLabel("Amount in GBP").fill("1.50");
  await dialog.getByRole("button", { name: "Refund" }).click();
  await eventually(async () => (await shop.order(ann, order.id)).refundedCents === 150);
  await page.getByText("£5.00 / £1.50").waitFor();
});

it("changes stock, settings and roles, and says why not where it may not", async () => {
  const { page } = window;
  const held = await shop.product(5);
  await shop.placed(ann, held, 4);
  await page.goto(`${hub.url}/console/stock`);
  await page.getByLabel("Search products").fill(held);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: `Change the stock of Test ${held}` }).click();
  await page.getByLabel("Units").fill("−3");
  await page.getByLabel("Reason").fill("broken");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("Orders hold more than this would leave.").waitFor();
  await page.getByLabel("Units").fill("20");
  await page.getByRole("button", { name: "Apply" }).click();
  await eventually(async () => (await shop.level(held)).body.onHand === 25);

  await page.goto(`${hub.url}/console/settings`);
  await page.getByLabel("Seconds that an order may stay unpaid").fill("0");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("Must be at least 1.").waitFor();
  await page.getByLabel("Seconds that an order may stay unpaid").fill("1200");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText("now 1200").waitFor();

  await page.goto(`${hub.url}/console/users`);
  await page
    .getByRole("row", { name: /boss@example\.com/ })
    .getByRole("button")
    .click();
  await page.getByLabel("Status").selectOption("disabled");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Somebody has to stay administrator.").waitFor();
});

it("offers support its own pages only, customers none, and both are refused when they force it", async () => {
  const { page } = window;
  const sam = await hub.rest.signUp();
  await hub.rest.patch(`/users/${sam.id}`, { token: shop.admin, body: { roles: ["support"] } });
  await signsIn({ email: sam.email, password: "correct horse battery" });

  expect(await page.getByRole("navigation", { name: "Menu" }).getByRole("link").allInnerTexts()).toEqual(["Orders"]);
  await page.getByRole("row").nth(1).getByRole("link").first().click();
  await page.getByText("Its whole story").waitFor();
  await page.goto(`${hub.url}/console/users`);
  await page.getByRole("heading", { name: "Not for your role" }).waitFor();

  await signsIn({ email: ann.email, password: "correct horse battery" });
  await page.getByRole("heading", { name: "Not for your role" }).waitFor();
  expect(await page.getByRole("navigation").count()).toBe(0);
  const forced = await page.evaluate<number>(`(async () => {
    const { accessToken } = JSON.parse(localStorage.getItem("session"));
    const headers = { authorization: "Bearer " + accessToken };
    return (await fetch("/api/v1/ops/live", { headers })).status;
  })()`);
  expect(forced).toBe(403);
});
