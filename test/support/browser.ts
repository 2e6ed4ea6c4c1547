import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { findProgram } from "../../scripts/backing/process.ts";
import { install } from "../../scripts/backing/provide.ts";

/** The system's own browser: `CHROMIUM`, else by its usual names, else installed where that is possible. */
const kind = {
  name: "Chromium",
  variable: "CHROMIUM",
  setTo: "the path of one",
  programs: ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"],
  package: "chromium",
};

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long a browser may take to be there, where it has to be installed. */
export const browserWithinMs = 10 * 60_000;

export interface Window {
  page: Page;
  context: BrowserContext;
  /** What pages reported: errors of scripts, and what the content policy stopped. */
  complaints: string[];
  close(): Promise<void>;
}

/** A headless browser with an empty profile of its own. */
export async function openWindow(options: BrowserContextOptions = {}): Promise<Window> {
  const executablePath = process.env.CHROMIUM || findProgram(kind.programs) || (await install(kind));
  const profile = mkdtempSync(join(tmpdir(), "hub-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: flags,
    locale: "en-GB",
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  context.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  const [page = await context.newPage()] = context.pages();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // a refused request is reported by the browser itself, and is no fault of the page
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  return {
    page,
    context,
    complaints,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
