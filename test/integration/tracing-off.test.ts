import { execFileSync } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** Starts a whole node in a process of its own, and says which modules of OpenTelemetry it has loaded then. */
function loadedWith(env: Record<string, string>): string[] {
  const program = `
    import { mkdtempSync } from "node:fs";
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => { if (url.includes("@opentelemetry")) loaded.push(url); return next(url, context); } });
    const { readConfig } = await import("./config.ts");
    const { createNode } = await import("./lib/node.ts");
    const node = await createNode(readConfig({ ...process.env, DATA_DIR: mkdtempSync("/tmp/hub-trace-") , PORT: "0", LOG_LEVEL: "silent" }));
    await node.start();
    await node.stop();
    console.log(JSON.stringify(loaded));
    process.exit(0);
  `;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: root,
    env: { ...process.env, ...env },
  });
  return JSON.parse(out.toString().trim().split("\n").at(-1) ?? "") as string[];
}

describe("OpenTelemetry", () => {
  it("is not loaded while traces are off", () => {
    expect(loadedWith({})).toEqual([]);
  });

  it("is loaded when they are on", () => {
    expect(loadedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" }).length).toBeGreaterThan(0);
  });
});
