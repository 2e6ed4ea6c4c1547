import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "playwright-core";
import { browserWithinMs, openWindow, type Window } from "../../support/browser.ts";
import { adminCredentials, startHub, withDemo, type Hub } from "../../support/hub.ts";
import type { Person } from "../../support/rest.ts";
import { Shop } from "../../support/shop.ts";

// Every page in both themes and both languages, wide and on a phone: what axe finds, and what does not fit.

const axe = readFileSync(resolve(import.meta.dirname, "../../../node_modules/axe-core/axe.min.js"), "utf8");
const password = "correct horse battery";

// some forty pages in some tests, each with axe
jest.setTimeout(240_000);

let hub: Hub;
let window: Window;
let ann: Person;
let orderId: string;
beforeAll(async () => {
  [hub, window] = await Promise.all([startHub("SQLite", withDemo), openWindow()]);
  const shop = await Shop.open(hub);
  ann = await hub.rest.signUp();
  const order = await shop.placed(ann, "85123A", 2);
  const unpaid = await shop.placed(ann, "71053");
  await shop.pay(ann, order.id);
  orderId = unpaid.id;
  const { page } = window;
  await page.goto(hub.url);
  await page.evaluate(`localStorage.setItem("basket", ${JSON.stringify(JSON.stringify(basket))})`);
}, browserWithinMs);
afterAll(async () => {
  await window.close();
  await hub.dispose();
});

const basket = [{ sku: "85123A", name: "WHITE HANGING HEART", priceCents: 295, currency: "GBP", quantity: 2 }];

const looks = [
  { theme: "light", language: "en", width: 1280 },
  { theme: "dark", language: "zh", width: 1280 },
  { theme: "dark", language: "en", width: 360 },
  { theme: "light", language: "zh", width: 360 },
] as const;

/** What is read at a glance, and so stays in one line also on a phone. */
const unbroken = ".badge, .table .button, .table time, .table .whole";

interface Violation {
  id: string;
  nodes: { target: string[]; failureSummary?: string }[];
}

/** What is wrong with the page as it is, in words. */
async function problemsOn(page: Page): Promise<string[]> {
  // the page's own policy lets nothing in: it is put in by the browser
  await page.evaluate(axe);
  const violations = await page.evaluate<Violation[]>(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) => violations)`,
  );
  const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - window.innerWidth");
  const broken = await page.evaluate<string[]>(`[...document.querySelectorAll("${unbroken}")]
    .filter((element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1;
    })
    .map(({ textContent }) => textContent)`);
  return [
    ...violations.flatMap(({ id, nodes }) =>
      nodes.map(
        ({ target, failureSummary }) => `${id} at ${target.join(" ")}: ${failureSummary?.split("\n")[1]?.trim()}`,
      ),
    ),
    ...broken.map((text) => `"${text}" is broken over lines`),
    ...(overflow > 0 ? [`${overflow} pixels do not fit`] : []),
  ];
}

/** Looks at each path in every look; `ready` says when the page has come. */
async function visit(paths: Record<string, string>): Promise<Record<string, string[]>> {
  const { page } = window;
  const found: Record<string, string[]> = {};
  for (const { theme, language, width } of looks) {
    await page.setViewportSize({ width, height: 800 });
    await page.evaluate(
      `localStorage.setItem("theme", '"${theme}"'); localStorage.setItem("language", '"${language}"')`,
    );
    for (const [path, ready] of Object.entries(paths)) {
      await page.goto(hub.url + path);
      await page.locator(ready).first().waitFor();
      const problems = await problemsOn(page);
      if (problems.length > 0) found[`${path} ${theme} ${language} ${width}`] = problems;
    }
  }
  return found;
}

async function signsIn(path: string, credentials: { email: string; password: string }): Promise<void> {
  const { page } = window;
  await page.goto(hub.url + path);
  await page.locator("[name=email]").fill(credentials.email);
  await page.locator("[name=password]").fill(credentials.password);
  await page.locator("button.wide").click();
  await page.locator("[name=password]").waitFor({ state: "detached" });
}

/** Of a browser that has never been there. */
async function firstVisit(path: string): Promise<{ paintMs: number; bytes: number }> {
  const fresh = await openWindow();
  await fresh.page.goto(hub.url + path);
  await fresh.page.locator("h1").waitFor();
  const seen = await fresh.page.evaluate<{ paintMs: number; bytes: number }>(`(async () => ({
    paintMs: await new Promise((resolve) => {
      const look = (list) => list.getEntriesByName("first-contentful-paint").forEach((entry) => resolve(entry.startTime));
      new PerformanceObserver(look).observe({ type: "paint", buffered: true });
    }),
    bytes: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .reduce((sum, { transferSize }) => sum + transferSize, 0),
  }))()`);
  await fresh.close();
  return seen;
}

it.each(["/", "/console"])("paints %s within a second, and brings less than 150 kB along", async (path) => {
  const { bytes, paintMs: first } = await firstVisit(path);
  let paintMs = first;
  // how soon it can be is to be seen, not what else this machine does
  for (let more = 0; paintMs >= 1_000 && more < 9; more += 1) {
    paintMs = Math.min(paintMs, (await firstVisit(path)).paintMs);
  }

  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(150_000);
  expect(paintMs).toBeLessThan(1_000);
});

it("has nothing that axe objects to, and nothing too wide, on the pages for everybody", async () => {
  expect(
    await visit({
      "/": ".grid",
      "/?search=nothing-like-it": ".empty",
      "/products/85123A": ".details",
      "/products/nothing": ".empty",
      "/basket": ".lines",
      "/sign-in": "form",
      "/register": "form.card",
      "/forgot-password": "form.card",
      "/console": "form",
    }),
  ).toEqual({});
});

it("nor on those of a shopper", async () => {
  await signsIn("/sign-in", { email: ann.email, password });

  expect(
    await visit({
      "/checkout": "fieldset",
      "/orders": ".order-row",
      [`/orders/${orderId}`]: ".timeline",
      "/notifications": ".note",
      "/account": ".choices-table",
      "/console": ".empty",
    }),
  ).toEqual({});
});

it("nor in the console", async () => {
  const { page } = window;
  await page.evaluate("localStorage.removeItem('session')");
  await signsIn("/console/sign-in", adminCredentials);

  expect(
    await visit({
      "/console": ".plots",
      "/console/nodes": ".cards",
      "/console/orders": "table",
      [`/console/orders/${orderId}`]: ".story",
      "/console/stock": "table",
      "/console/users": "table",
      "/console/dead-letters": ".empty",
      "/console/doctor": "main p",
      "/console/mailbox": "details",
      "/console/settings": "form.card",
      "/console/audit": "table",
    }),
  ).toEqual({});
});

it("nor in its dialogs, nor in a form that was refused", async () => {
  const { page } = window;
  await page.evaluate("localStorage.setItem('language', '\"en\"')");
  const problems: Record<string, string[]> = {};
  const look = async (name: string): Promise<void> => {
    const found = await problemsOn(page);
    if (found.length > 0) problems[name] = found;
  };
  for (const scheme of ["light", "dark"]) {
    await page.evaluate(`localStorage.setItem("theme", '"${scheme}"')`);
    await page.goto(`${hub.url}/console/stock`);
    await page
      .getByRole("button", { name: /Change the stock of/ })
      .first()
      .click();
    await page.getByRole("button", { name: "Apply" }).click();
    await page.locator(".wrong").first().waitFor();
    await look(`stock ${scheme}`);
    await page.goto(`${hub.url}/console/users`);
    await page
      .getByRole("button", { name: /^Change / })
      .first()
      .click();
    await page.getByRole("dialog").waitFor();
    await look(`user ${scheme}`);
  }
  expect(problems).toEqual({});
  expect(window.complaints).toEqual([]);
});

it("can be used without a mouse: the focus follows the pages, and dialogs give it back", async () => {
  const { page } = window;
  await page.goto(`${hub.url}/console/stock`);
  const focused = (): Promise<string> => page.evaluate("document.activeElement?.textContent ?? ''");

  await page.keyboard.press("Tab");
  expect(await focused()).toBe("Skip to the content");
  await page.getByRole("link", { name: "Users" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Users" }).waitFor();
  expect(await focused()).toBe("Users");
  const change = page.getByRole("button", { name: /^Change / }).first();
  await change.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await page.evaluate("document.activeElement?.getAttribute('aria-label')")).toBe(
    await change.getAttribute("aria-label"),
  );
});
