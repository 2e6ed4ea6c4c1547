import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { serviceNames } from "../../../contracts/bus.ts";
import { orderPicture } from "../../../scripts/pictures/order.ts";
import { systemPicture } from "../../../scripts/pictures/system.ts";
import { transitions } from "../../../services/orders/order.ts";

const root = resolve(import.meta.dirname, "../../..");
const kept = (name: string): string => readFileSync(resolve(root, "docs/pictures", name), "utf8");

describe("the pictures in the documentation", () => {
  it.each([
    ["system.svg", systemPicture],
    ["order.svg", orderPicture],
  ])("are what the code says now: %s (else npm run pictures)", (name, draw) => {
    expect(kept(name)).toBe(draw());
  });

  it("show every service, and every status with each step", () => {
    for (const name of serviceNames) expect(systemPicture()).toContain(`>${name}<`);
    const order = orderPicture();
    for (const status of Object.keys(transitions)) expect(order).toContain(`>${status}<`);
    expect(order.match(/class="arrow"/g)).toHaveLength(Object.values(transitions).flat().length);
  });
});

describe("links in the documentation", () => {
  it.each([
    "README.md",
    "README.zh-CN.md",
    "ARCHITECTURE.md",
    "docs/runbook.md",
    "docs/payment-providers.md",
    "docs/tutorial.md",
    "docs/tutorial-payment-provider.md",
    "docs/adr/README.md",
  ])("of %s lead somewhere", (name) => {
    const text = readFileSync(resolve(root, name), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, path = ""]) => path);
    for (const path of links) {
      const target = resolve(root, name, "..", path);
      expect(() => readFileSync(target)).not.toThrow(/ENOENT/);
    }
  });
});
