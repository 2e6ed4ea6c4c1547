import type { Order } from "../../../contracts/orders.ts";
import { browserWithinMs, openWindow, type Window } from "../../support/browser.ts";
import { startHub, withDemo, type Hub } from "../../support/hub.ts";
import { Shop } from "../../support/shop.ts";
import { eventually } from "../../support/wait.ts";

let hub: Hub;
let shop: Shop;
let window: Window;
beforeAll(async () => {
  [hub, window] = await Promise.all([startHub("SQLite", { ...withDemo, ORDER_TTL_SECONDS: "3600" }), openWindow()]);
  shop = await Shop.open(hub);
}, browserWithinMs);
afterAll(async () => {
  await window.close();
  await hub.dispose();
});

const password = "correct horse battery";

async function registers(email: string): Promise<void> {
  const { page } = window;
  // nobody is signed in from the test before
  await page.goto(hub.url);
  await page.evaluate("localStorage.clear()");
  await page.goto(`${hub.url}/register`);
  await page.getByLabel("Name").fill("Ann Example");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create the account" }).click();
  await page.waitForURL(`${hub.url}/`);
}

async function chooses(sku: string): Promise<void> {
  const { page } = window;
  await page.goto(`${hub.url}/products/${sku}`);
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.goto(`${hub.url}/checkout`);
}

const orderIdIn = (url: string): string => url.split("/orders/")[1] ?? "";

async function ordersOf(email: string): Promise<Order[]> {
  const token = await hub.rest.signIn({ email, password });
  return (await hub.rest.get<{ items: Order[] }>("/orders?limit=100", { token })).body.items;
}

it("lets a shopper find, choose, order, approve the payment, follow the order, and receive it", async () => {
  const { page } = window;
  await page.goto(hub.url);
  await page.getByRole("searchbox").fill("lantern");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "“lantern”" }).waitFor();
  await page.getByRole("link", { name: "White metal lantern", exact: true }).click();
  await page.getByRole("button", { name: "One more of White metal lantern" }).click();
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByRole("link", { name: "Basket, 2 items" }).click();
  expect(await page.getByRole("complementary", { name: "Summary" }).innerText()).toContain("£6.78");
  await page.getByRole("link", { name: "To the checkout" }).click();

  await page.getByRole("link", { name: "Create an account" }).click();
  await page.getByLabel("Name").fill("Ann Example");
  await page.getByLabel("E-mail address").fill("ann");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Create the account" }).click();
  await page.getByText("Must have at least 8 characters.").waitFor();
  expect(await page.getByLabel("E-mail address").getAttribute("aria-invalid")).toBe("true");
  await page.getByLabel("E-mail address").fill("ann@example.com");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create the account" }).click();

  await page.getByRole("button", { name: "Add an address" }).click();
  const dialog = page.getByRole("dialog", { name: "Add an address" });
  await dialog.getByRole("button", { name: "Save the address" }).click();
  await dialog
    .locator('[aria-invalid="true"]')
    .and(dialog.getByRole("textbox", { name: "Town or city" }))
    .waitFor();
  for (const [label, text] of [
    ["Name", "Ann Example"],
    ["Address", "1 High Street"],
    ["Town or city", "York"],
    ["Postal code", "YO1 7HH"],
  ] as const) {
    await dialog.getByRole("textbox", { name: label, exact: true }).fill(text);
  }
  await dialog.getByRole("button", { name: "Save the address" }).click();
  await page.getByRole("radio", { name: /1 High Street/ }).waitFor();
  await page.getByRole("button", { name: "Place the order" }).click();

  await page.getByRole("radio", { name: "Alipay" }).check();
  await page.getByRole("button", { name: "Pay £6.78" }).click();
  await page.getByRole("heading", { name: "Sandbox payment" }).waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("link", { name: "Back to the shop" }).click();
  const timeline = page.getByRole("region", { name: "What happened" });
  await timeline.getByText("Order paid", { exact: true }).waitFor();
  expect(await page.getByText("Payment", { exact: true }).count()).toBe(0);

  const [order] = await ordersOf("ann@example.com");
  expect(order).toMatchObject({
    id: orderIdIn(page.url()),
    status: "PAID",
    totalCents: 678,
    address: { city: "York" },
  });
  const sent = { token: shop.admin, body: { carrier: "Royal Mail", trackingNumber: "RM123" } };
  expect((await hub.rest.post(`/orders/${order?.id}/ship`, sent)).status).toBe(200);
  // told by the stream, before the page would look by itself
  await timeline.getByText("Royal Mail RM123").waitFor({ timeout: 4_000 });
  await page.getByRole("button", { name: "I have received it" }).click();
  await page.getByText("Received", { exact: true }).waitFor();
  expect(await page.getByRole("button", { name: "Cancel the order" }).count()).toBe(0);

  await page.getByRole("link", { name: /unread notifications/ }).click();
  await page.getByText("Mark as read").first().waitFor();
  expect(window.complaints).toEqual([]);
});

it("places one order, however often it is sent again after an answer was lost", async () => {
  const { page } = window;
  const sku = await shop.product(50);
  await registers("bob@example.com");
  await chooses(sku);
  const keys: (string | undefined)[] = [];
  await page.route("**/api/v1/orders", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    if (keys.length > 2) return route.continue();
    // the server does it, and the answer is lost on its way
    await route.fetch();
    await route.abort("connectionreset");
  });

  await page.getByRole("button", { name: "Place the order" }).click();
  await page.getByText("There was no answer").waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Place the order" }).click();
  await page.getByText("There was no answer").waitFor();
  await page.getByRole("button", { name: "Place the order" }).click();
  await page.waitForURL(/\/orders\/.+/);
  await page.unroute("**/api/v1/orders");

  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect((await ordersOf("bob@example.com")).map(({ id }) => id)).toEqual([orderIdIn(page.url())]);
});

it("says which goods are short, and that a payment was declined, and lets both be mended", async () => {
  const { page } = window;
  const sku = await shop.product(1);
  await chooses(sku);
  await shop.stock(sku, 0);
  await page.getByRole("button", { name: "Place the order" }).click();
  await page.getByText(/only 0 are left/).waitFor();
  await shop.stock(sku, 1);
  await page.getByRole("button", { name: "Place the order" }).click();

  await page.getByLabel("Test card").selectOption("tok_declined");
  await page.getByRole("button", { name: /^Pay / }).click();
  await page.getByText("The payment was declined. Nothing was charged.").waitFor();
  await page.getByLabel("Test card").selectOption("tok_async_ok");
  await page.getByRole("button", { name: /^Pay / }).click();
  await page.getByText("The payment is under way.").waitFor();
  await page.getByText("Paid", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Cancel the order" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the order" }).click();
  await page.getByText("Refunded", { exact: true }).first().waitFor();
});

it("shows that the connection is lost, heals when it is back, and hears what it missed", async () => {
  const { page, context } = window;
  const [{ id = "" } = {}] = await ordersOf("bob@example.com").then((orders) =>
    orders.filter(({ status }) => status === "CREATED"),
  );
  await page.goto(`${hub.url}/orders/${id}`);
  await page.getByRole("heading", { name: "Payment" }).waitFor();

  await context.setOffline(true);
  await page.getByText("No connection.").waitFor();
  const token = await hub.rest.signIn({ email: "bob@example.com", password });
  await hub.rest.post(`/orders/${id}/pay`, { token, body: { method: "card" } });
  await context.setOffline(false);

  await page.getByText("No connection.").waitFor({ state: "detached" });
  await page.getByText("Paid", { exact: true }).waitFor();
});

it("speaks Chinese when asked to, and remembers it as it does the colours", async () => {
  const { page } = window;
  await page.goto(hub.url);
  await page.getByRole("button", { name: "切换为中文" }).click();
  await page.getByRole("button", { name: /跟随系统/ }).click();
  await page.reload();

  await page.getByRole("heading", { name: "商品目录" }).waitFor();
  expect(await page.evaluate("document.documentElement.lang + ' ' + document.documentElement.dataset.theme")).toBe(
    "zh-Hans light",
  );
  await page.goto(`${hub.url}/account`);
  await page.getByRole("heading", { name: "个人资料" }).waitFor();
  expect(await page.locator("main").innerText()).not.toMatch(/\b(Save|Password|Address|Language)\b/);
  await page.getByRole("button", { name: "Switch to English" }).click();
});

it("changes the password, hands out what is held, and forgets for good", async () => {
  const { page } = window;
  await page.goto(`${hub.url}/account`);
  await page.getByLabel("Current password").fill("not this one at all");
  await page.getByLabel("New password").fill("another horse battery");
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("The e-mail address or the password is not right.").waitFor();
  await page.getByLabel("Current password").fill(password);
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("The password is changed").waitFor();

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download everything" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("enterprise-hub.json");

  await page.getByRole("button", { name: "Erase the account" }).click();
  await page.getByRole("button", { name: "Erase for good" }).click();
  await page.getByRole("link", { name: "Sign in" }).waitFor();
  await eventually(async () => {
    const credentials = { email: "bob@example.com", password: "another horse battery" };
    return (await hub.rest.post("/auth/login", { body: credentials })).status === 401;
  });
  expect(window.complaints).toEqual([]);
});
