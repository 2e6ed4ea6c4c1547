import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/config.ts";
import { withDemo } from "../support/hub.ts";
import { runScript, startScript, type Ended, type Running } from "../support/script.ts";

const ready = "EnterpriseHub is ready.";

describe("npm start", () => {
  let directory: string;
  let env: Record<string, string | undefined>;
  const running: Running[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "hub-start-"));
    env = {
      DATA_DIR: join(directory, "data"),
      PORT: String(await freePort()),
      LOG_LEVEL: "error",
      DEMO_CATALOGUE: "off",
      DATABASE_URL: undefined,
      ADMIN_PASSWORD: undefined,
    };
  });
  afterEach(async () => {
    for (const { child } of running) child.kill("SIGKILL");
    await Promise.all(running.splice(0).map(({ ended }) => ended));
    rmSync(directory, { recursive: true, force: true });
  });

  function start(changes: Record<string, string | undefined> = {}): Running {
    const script = startScript("start", { env: { ...env, ...changes } });
    running.push(script);
    return script;
  }

  const refusal = (changes: Record<string, string | undefined>): Promise<Ended> => start(changes).ended;

  const signIn = (password: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${env.PORT}/api/v1/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "admin@example.com", password }),
    });

  it("names every setting that is wrong, and ends with 1", async () => {
    const { code, err, out } = await refusal({ PORT: "many", RATE_LIMIT: "-1", CURRENCY: "GOLD" });

    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err.trim().split("\n")).toEqual([
      'configuration: PORT is "many", but must be a whole number from 0 to 65535',
      'configuration: CURRENCY is "GOLD", but must be a currency of ISO 4217 such as GBP',
      expect.stringContaining("configuration: RATE_LIMIT"),
    ]);
  });

  it("takes settings from a file .env, which the environment overrules", async () => {
    writeFileSync(join(directory, ".env"), "PORT=few\nRATE_LIMIT=none\n");
    const settings = { ...env, NODE_ENV: "development" };

    const { code, err } = await runScript("start", { cwd: directory, env: settings });

    expect(code).toBe(1);
    expect(err).toContain('RATE_LIMIT is "none"');
    expect(err).not.toContain("PORT");
  });

  it("says so when another program listens on its port", async () => {
    const other: Server = createServer();
    await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    const { port } = other.address() as AddressInfo;

    const { code, err } = await refusal({ PORT: String(port) });
    other.close();

    expect({ code, err }).toEqual({
      code: 1,
      err: `PORT ${port} on 127.0.0.1 cannot be used: another program listens there\n`,
    });
  });

  it("says so when it cannot write to its data directory", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");

    const { code, err } = await refusal({ DATA_DIR: join(file, "data") });

    expect(code).toBe(1);
    expect(err).toMatch(/^DATA_DIR .*\/file\/data cannot be written to: .*\n$/);
  });

  it("says so when its database cannot be reached, without the password", async () => {
    const { code, err } = await refusal({ DATABASE_URL: `mysql://root:hunter22@127.0.0.1:${await freePort()}` });

    expect(code).toBe(1);
    expect(err).toMatch(/^DATABASE_URL: the server at 127\.0\.0\.1:\d+ cannot be used: .*ECONNREFUSED.*\n$/);
    expect(err).not.toContain("hunter22");
  });

  it("refuses a data directory that another system is using, which goes on undisturbed", async () => {
    const first = start();
    await first.wrote(ready);

    const { code, err } = await refusal({ PORT: String(await freePort()) });

    expect(code).toBe(1);
    expect(err).toMatch(/^DATA_DIR .* is in use by another running system.*\n$/);
    expect((await fetch(`http://127.0.0.1:${env.PORT}/health/ready`)).status).toBe(200);
  });

  it("tells the generated password once, keeps it from others, and takes it again on the next start", async () => {
    const first = start();
    await first.wrote(ready);
    const [, password = ""] = /password (\S{20,}) /.exec(first.output()) ?? [];
    const file = join(env.DATA_DIR ?? "", "admin-password");
    first.child.kill("SIGTERM");
    const { code } = await first.ended;
    const second = start();
    await second.wrote(ready);

    expect(code).toBe(0);
    expect(readFileSync(file, "utf8").trim()).toBe(password);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(second.output()).not.toContain(password);
    expect(second.output()).toContain(`admin@example.com, password in ${file}`);
    expect((await signIn(password)).status).toBe(200);
  });

  it("takes the administrator's password from the environment, and never shows it", async () => {
    const password = "a-password-of-my-own";
    const script = start({ ADMIN_PASSWORD: password });
    await script.wrote(ready);

    expect(script.output()).not.toContain(password);
    expect((await signIn(password)).status).toBe(200);
  });

  it("says that the password is not known when the accounts are older than the data directory", async () => {
    const first = start();
    await first.wrote(ready);
    first.child.kill("SIGTERM");
    await first.ended;
    rmSync(join(env.DATA_DIR ?? "", "admin-password"));

    const second = start();
    await second.wrote(ready);

    expect(second.output()).toContain("an administrator exists already; the password is not known here");
  });

  it("ends with 0 when told to stop, although Ctrl-C under npm tells it twice", async () => {
    const script = start();
    await script.wrote(ready);

    script.child.kill("SIGINT");
    script.child.kill("SIGINT");

    expect(await script.ended).toMatchObject({ code: 0, err: "" });
  });

  it("ends in order when told to stop while it starts", async () => {
    const script = start({ LOG_LEVEL: "info" });
    await script.wrote("schema migrated");

    script.child.kill("SIGTERM");

    expect(await script.ended).toMatchObject({ code: 0, err: "" });
  });

  it("starts a REPL in the same process when asked to", async () => {
    const script = startScript("start", { env: { ...env, ...withDemo }, args: ["--repl"] });
    running.push(script);
    await script.wrote("hub $ ");

    script.child.stdin?.write("call products.list --limit 1\n");
    await script.wrote("priceCents");
    script.child.stdin?.write("quit\n");

    expect(await script.ended).toMatchObject({ code: 0 });
  });
});

describe("npm run node", () => {
  it("refuses the name of a service that does not exist", async () => {
    const { code, err } = await runScript("node", { args: ["orders", "shipping"] });

    expect(code).toBe(1);
    expect(err).toContain('SERVICES names "shipping", but knows gateway, auth, users');
  });
});

describe("npm run migrate", () => {
  it("brings every database up to date, and finds nothing to do the second time", async () => {
    const directory = mkdtempSync(join(tmpdir(), "hub-migrate-"));
    const env = { DATA_DIR: directory, DATABASE_URL: undefined };

    const first = await runScript("migrate", { env });
    const second = await runScript("migrate", { env });
    rmSync(directory, { recursive: true, force: true });

    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toMatch(/^orders +001-orders/m);
    expect(
      second.out
        .trim()
        .split("\n")
        .map((line) => line.replace(/ +/, " ")),
    ).toEqual(
      ["auth", "users", "products", "inventory", "orders", "payments", "notify", "ops"].map(
        (name) => `${name} up to date`,
      ),
    );
  });
});
