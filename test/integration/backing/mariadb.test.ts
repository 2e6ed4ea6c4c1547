import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createConnection } from "mysql2/promise";
import { startPrivateBacking } from "../../../scripts/backing/index.ts";
import { serverDirectory, startProcess } from "../../../scripts/backing/process.ts";
import { eventually } from "../../support/wait.ts";

const root = resolve(import.meta.dirname, "../../..");

async function variable(url: string, name: string): Promise<string | undefined> {
  const connection = await createConnection(url);
  const [rows] = await connection.query("SHOW VARIABLES LIKE ?", [name]);
  await connection.end();
  return (rows as { Value: string }[])[0]?.Value;
}

describe("a private MariaDB", () => {
  it("answers when it was started, keeps its data in a directory of its own, and leaves nothing behind", async () => {
    const { mysql: server } = await startPrivateBacking(["mysql"]);
    const directory = (await variable(server.url, "datadir")) ?? "";
    const flushing = await variable(server.url, "innodb_flush_log_at_trx_commit");
    const stayed = existsSync(directory);
    await server.stop();

    expect(flushing).toBe("1");
    expect(stayed).toBe(true);
    expect(existsSync(directory)).toBe(false);
    await expect(variable(server.url, "datadir")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("ends with the process that started it, also when that is killed", async () => {
    const script = `
      import { startPrivateBacking } from "./scripts/backing/index.ts";
      const { mysql } = await startPrivateBacking(["mysql"]);
      process.stdout.write(mysql.url);
      process.stdin.resume();`;
    const parent = spawn(process.execPath, ["--input-type=module-typescript", "--eval", script], {
      cwd: root,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const url = await new Promise<string>((done) => parent.stdout.once("data", (chunk: Buffer) => done(String(chunk))));
    const directory = (await variable(url, "datadir")) ?? "";

    parent.kill("SIGKILL");

    await eventually(() => !existsSync(directory), 20_000);
    await expect(variable(url, "datadir")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("startProcess", () => {
  const refuses = (): Promise<void> => Promise.reject(new Error("nothing there"));

  it("tells what a server wrote that ended as it started", async () => {
    const starting = startProcess({
      name: "Clumsy",
      directory: serverDirectory("clumsy"),
      command: process.execPath,
      args: ["--eval", "console.error('no room left'); process.exit(3)"],
      probe: refuses,
      deadlineMs: 20_000,
    });

    await expect(starting).rejects.toThrow(/Clumsy ended as it started:\n.*no room left/);
  });

  it("gives up on a server that does not answer in time, and ends it", async () => {
    const directory = serverDirectory("mute");
    const starting = startProcess({
      name: "Mute",
      directory,
      command: process.execPath,
      args: ["--eval", "process.stdin.resume(); setInterval(() => {}, 1000)"],
      probe: refuses,
      deadlineMs: 500,
    });

    await expect(starting).rejects.toThrow("Mute did not answer within 0.5 s (nothing there)");
    expect(existsSync(directory)).toBe(false);
  });
});
