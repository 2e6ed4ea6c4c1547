import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import logFiles, { archive } from "../../lib/log-files.ts";
import { structuredLogger } from "../../lib/logger.ts";
import { testConfig } from "../support/config.ts";
import { startHub } from "../support/hub.ts";
import { eventually } from "../support/wait.ts";

const today = new Date().toLocaleDateString("sv");

describe("log files", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hub-logs-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const names = (): string[] => readdirSync(folder).sort();
  const textOf = (name: string): string => {
    const bytes = readFileSync(join(folder, name));
    return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
  };

  it("roll, are compressed, and hold every line once", async () => {
    const stream = await logFiles({ file: join(folder, "hub"), size: "1k", keep: 1_000 });
    const lines = Array.from({ length: 400 }, (_, i) => `line ${i} ${"x".repeat(40)}`);
    for (const [i, line] of lines.entries()) {
      stream.write(`${line}\n`);
      // as a program does: not everything at once
      if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const closed = once(stream, "close");
    stream.end();
    await closed;

    await eventually(() => names().filter((name) => !name.endsWith(".gz")).length === 1);

    expect(names().length).toBeGreaterThan(3);
    for (const name of names()) expect(name).toMatch(new RegExp(`^hub\\.${today}\\.\\d+\\.log(\\.gz)?$`));
    const kept = names().flatMap((name) => textOf(name).trimEnd().split("\n"));
    expect(kept.toSorted()).toEqual(lines.toSorted());
  });

  it("keep the newest archives by day and number, and touch nothing else", async () => {
    const others = ["hub-2.2026-01-01.1.log", "notes.txt", "hub.2026-01-01.log"];
    for (const name of others) writeFileSync(join(folder, name), name);
    for (let number = 1; number <= 12; number += 1) writeFileSync(join(folder, `hub.2026-01-01.${number}.log`), "old");
    writeFileSync(join(folder, "hub.2026-01-02.1.log"), "now");

    await archive(folder, { name: "hub", active: "hub.2026-01-02.1.log", keep: 3 });

    expect(names()).toEqual(
      [
        ...[10, 11, 12].map((number) => `hub.2026-01-01.${number}.log.gz`),
        ...["hub.2026-01-02.1.log", ...others],
      ].sort(),
    );
    expect(textOf("hub.2026-01-01.12.log.gz")).toBe("old");
  });

  it("leave alone what is newer than the file that was written to when they were asked", async () => {
    for (const number of [1, 2, 3]) writeFileSync(join(folder, `hub.2026-01-01.${number}.log`), "lines");
    writeFileSync(join(folder, "hub.2026-01-02.1.log"), "lines");

    await archive(folder, { name: "hub", active: "hub.2026-01-01.2.log", keep: 3 });

    expect(names()).toEqual(
      ["1.log.gz", "2.log", "3.log"].map((end) => `hub.2026-01-01.${end}`).concat("hub.2026-01-02.1.log"),
    );
  });

  it("are written over again where a compression was cut off", async () => {
    writeFileSync(join(folder, "hub.2026-01-01.1.log"), "whole");
    writeFileSync(join(folder, "hub.2026-01-01.1.log.gz.part"), "half");

    await archive(folder, { name: "hub", active: "hub.2026-01-02.1.log", keep: 3 });

    expect(names()).toEqual(["hub.2026-01-01.1.log.gz"]);
    expect(textOf("hub.2026-01-01.1.log.gz")).toBe("whole");
  });

  it("are where a system's lines go, and what the last days left is compressed at its start", async () => {
    const before = "hub-only.2020-01-01.1.log";
    writeFileSync(join(folder, before), "yesterday's\n");
    const hub = await startHub("SQLite", { LOG_DIR: folder, LOG_LEVEL: "info", NODE_ID: "only" });
    try {
      await hub.rest.signUp();
      const line = await eventually(() =>
        textOf(`hub-only.${today}.1.log`)
          .split("\n")
          .find((one) => one.includes('"audit"')),
      );

      expect(JSON.parse(line)).toMatchObject({ node: "only", requestId: expect.any(String) as string });
      expect(textOf(`${before}.gz`)).toBe("yesterday's\n");
      expect(names()).toHaveLength(2);
    } finally {
      await hub.dispose();
    }
  }, 60_000);

  it("hold no secret that stands in a line's fields under its name", async () => {
    const config = testConfig({ LOG_DIR: folder, LOG_LEVEL: "info", NODE_ID: "only" });
    const log = structuredLogger(config).getLogHandler({ mod: "auth" });
    const names = ["password", "currentPassword", "newPassword", "token", "accessToken", "refreshToken"];
    const secrets = Object.fromEntries([...names, "authorization", "secret"].map((name) => [name, "planted"]));

    log?.("info", ["signed in", { ...secrets, params: secrets, userId: "ann" }]);

    const line = await eventually(() =>
      readdirSync(folder)
        .map(textOf)
        .find((text) => text.includes("signed in")),
    );
    expect(line).toContain('"userId":"ann"');
    expect(line).toContain("[redacted]");
    expect(line).not.toContain("planted");
  });
});
