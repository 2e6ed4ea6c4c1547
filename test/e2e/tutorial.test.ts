import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { freePort } from "../support/config.ts";
import { eventually } from "../support/wait.ts";

const root = resolve(import.meta.dirname, "../..");
const left = new Set(["node_modules", ".git", "data", "coverage", "test", "dist"]);

/** What a page says to do: whole files, and lines before others. */
const steps = (page: string) =>
  Array.from(
    page.matchAll(/<!-- (file|before) ([^:\s]+)(?:: (.*?))? -->\s+```\w+\n([^]*?)```/g),
    ([, kind, path = "", anchor = "", code = ""]) => ({ kind, path, anchor: anchor.replaceAll("\\n", "\n"), code }),
  );

describe("the tutorial, followed to the letter", () => {
  let copy: string;
  let system: ChildProcess | undefined;

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), "hub-tutorial-"));
    cpSync(root, copy, { recursive: true, filter: (path) => path === root || !left.has(basename(path)) });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const todo = steps(readFileSync(join(root, "docs/tutorial.md"), "utf8"));
    expect(todo).toHaveLength(11);
    for (const { kind, path, anchor, code } of todo) {
      const target = join(copy, path);
      mkdirSync(dirname(target), { recursive: true });
      if (kind === "file") {
        writeFileSync(target, code);
        continue;
      }
      const text = readFileSync(target, "utf8");
      // in the list of names and in no comment
      expect({ path, anchor, found: text.split(anchor).length - 1 }).toEqual({ path, anchor, found: 1 });
      writeFileSync(
        target,
        text.replace(anchor, () => code + anchor),
      );
    }
  });
  afterAll(() => {
    system?.kill("SIGKILL");
    rmSync(copy, { recursive: true, force: true });
  });

  it("has right types", () => {
    const include = ["scripts/start.ts", "scripts/migrate.ts", "lib/*.d.ts", "repl/*.d.ts"];
    writeFileSync(join(copy, "tsconfig.tutorial.json"), JSON.stringify({ extends: "./tsconfig.json", include }));
    const tsc = join(root, "node_modules/typescript/bin/tsc");

    const { status, stdout } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", "tsconfig.tutorial.json"], {
      cwd: copy,
      encoding: "utf8",
    });

    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  }, 120_000);

  it("makes a service that takes one review from whoever ordered, and refuses the others", async () => {
    const port = await freePort();
    const api = `http://127.0.0.1:${port}/api/v1`;
    system = spawn(process.execPath, ["scripts/start.ts"], {
      cwd: copy,
      env: { ...process.env, PORT: String(port), DATA_DIR: join(copy, "data"), LOG_LEVEL: "error" },
      stdio: "ignore",
    });
    await eventually(
      () =>
        fetch(`http://127.0.0.1:${port}/health/ready`).then(
          ({ status }) => status === 200,
          () => false,
        ),
      60_000,
    );
    const send = async (path: string, body: object, token = ""): Promise<{ status: number; body: never }> => {
      const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
      const answer = await fetch(api + path, { method: "POST", headers, body: JSON.stringify(body) });
      return { status: answer.status, body: (await answer.json()) as never };
    };
    const account = { email: "ann@example.com", password: "correct horse battery", name: "Ann" };
    const { body: session } = await send("/auth/register", account);
    const { accessToken: token } = session as { accessToken: string };
    const review = (stars: number) => send("/products/71053/reviews", { stars, text: "It lights up." }, token);

    expect(await review(5)).toMatchObject({ status: 409, body: { code: "NOT_ORDERED" } });
    expect((await send("/orders", { items: [{ sku: "71053", quantity: 1 }] }, token)).status).toBe(201);
    expect(await review(6)).toMatchObject({ status: 422 });
    expect(await review(5)).toMatchObject({ status: 200, body: { sku: "71053", stars: 5 } });
    expect(await review(4)).toMatchObject({ status: 409, body: { code: "ALREADY_REVIEWED" } });
    const list = await fetch(`${api}/products/71053/reviews`).then((answer) => answer.json());
    expect(list).toMatchObject({ items: [{ stars: 5, text: "It lights up." }], nextCursor: null });
  }, 120_000);
});
