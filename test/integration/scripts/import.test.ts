import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/config.ts";

const report = {
  read: 4,
  imported: 1,
  unchanged: 1,
  skipped: [
    { line: 3, code: "NO_PRICE", reason: "The unit price is 0." },
    { line: 4, code: "CANCELLATION", reason: "Invoice C1 is a cancellation." },
  ],
};

/** The running system, as far as these scripts see it. */
const system = { password: "the admin's password", asked: [] as { url: string; body: string; headers: object }[] };
let server: Server;
let port: number;
let dir: string;
let file: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      system.asked.push({ url: request.url ?? "", body, headers: request.headers });
      const answer = (status: number, content: object): void => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(content));
      };
      if (request.url === "/api/v1/products/import?initialStock=7") return answer(200, report);
      if (request.url !== "/api/v1/auth/login")
        return answer(404, { code: "NOT_FOUND", detail: "There is nothing here." });
      const isAdmin = (JSON.parse(body) as { password: string }).password === system.password;
      return isAdmin
        ? answer(200, { accessToken: "token-1" })
        : answer(401, { code: "INVALID_CREDENTIALS", detail: "The e-mail or the password is wrong." });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

beforeEach(() => {
  system.asked.length = 0;
  dir = mkdtempSync(join(tmpdir(), "hub-test-"));
  file = join(dir, "catalogue.csv");
  writeFileSync(file, "sku,name,priceCents\nA,Thing,1\n");
  writeFileSync(join(dir, "admin-password"), `${system.password}\n`);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

const run = (script: string, args: string[], env: Record<string, string> = {}): Promise<Run> =>
  new Promise((resolve) => {
    const options = { env: { PATH: process.env.PATH, DATA_DIR: dir, PORT: String(port), ...env } };
    const child = execFile(process.execPath, [join("scripts", script), ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

describe("npm run import", () => {
  it("signs in with the generated password, loads the file and tells what came of it", async () => {
    const { code, stdout, stderr } = await run("import.ts", [file, "--stock", "7"]);

    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toContain("catalogue.csv: 4 lines read, 2 used, 2 skipped");
    expect(stdout).toContain("1 created or changed, 1 unchanged");
    expect(stdout).toMatch(/NO_PRICE +1 lines/);
    expect(stdout).not.toContain("line 3");
    expect(system.asked[0]).toMatchObject({
      body: JSON.stringify({ email: "admin@example.com", password: system.password }),
    });
    expect(system.asked[1]).toMatchObject({
      body: readFileSync(file, "utf8"),
      headers: { "content-type": "text/csv", authorization: "Bearer token-1" },
    });
    expect(JSON.parse(readFileSync(join(dir, "import-report.json"), "utf8"))).toEqual(report);
  });

  it("names every line that was left out when asked to", async () => {
    const { stdout } = await run("import.ts", ["--verbose", "--stock", "7", file]);

    expect(stdout).toContain("line 3: NO_PRICE: The unit price is 0.");
    expect(stdout).toContain("line 4: CANCELLATION: Invoice C1 is a cancellation.");
  });

  it("reads what spreadsheets write in Windows-1252", async () => {
    writeFileSync(file, Buffer.from("sku,name,priceCents\nA,Caf\xe9 \x80,1\n", "latin1"));

    await run("import.ts", [file, "--stock", "7"]);

    expect(system.asked[1]?.body).toContain("Café €");
  });

  it.each([
    ["there is no such file", () => [join(dir, "none.csv")], {}, "cannot be read: there is no such file"],
    ["the file is a directory", () => [dir], {}, "it is a directory"],
    ["no file is named", () => [], {}, "Usage: npm run import"],
    ["an option is unknown", () => [file, "--stok", "1"], {}, "Usage: npm run import"],
    ["the stock is no number", () => [file, "--stock", "many"], {}, '--stock is "many"'],
    ["the URL is none", () => [file, "--url", "localhost:1"], {}, '--url is "localhost:1"'],
    ["the password is wrong", () => [file], { ADMIN_PASSWORD: "not this one" }, "401 INVALID_CREDENTIALS"],
    ["the system refuses", () => [file, "--stock", "8"], {}, "POST /products/import was refused with 404 NOT_FOUND"],
    ["a setting is wrong", () => [file], { PORT: "none" }, 'configuration: PORT is "none"'],
  ])("ends with 1 and one clear sentence when %s", async (_title, args, env: Record<string, string>, sentence) => {
    const { code, stdout, stderr } = await run("import.ts", args(), env);

    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain("    at ");
  });

  it("says so when the system does not run, or the password is not known", async () => {
    const nobody = await run("import.ts", [file], { PORT: String(await freePort()) });
    rmSync(join(dir, "admin-password"));
    const stranger = await run("import.ts", [file]);

    expect(nobody).toMatchObject({ code: 1 });
    expect(nobody.stderr).toContain("Is the system running (npm start)?");
    expect(stranger).toMatchObject({ code: 1 });
    expect(stranger.stderr).toContain("ADMIN_PASSWORD is unset");
  });
});

describe("npm run seed", () => {
  it("loads the demo file with a hundred units of everything", async () => {
    const { code, stderr } = await run("seed.ts", []);

    expect(code).toBe(1);
    expect(stderr).toContain("404");
    expect(system.asked[1]?.url).toBe("/api/v1/products/import?initialStock=100");
    expect(system.asked[1]?.body.split("\n")).toHaveLength(10_001);
  });
});
