import { freePort } from "../support/config.ts";
import { startHub, withDemo, type Hub } from "../support/hub.ts";
import { ReplLines } from "../support/repl-lines.ts";
import { runScript, startScript, type Ended } from "../support/script.ts";
import { Shop } from "../support/shop.ts";

describe("npm run repl", () => {
  let hub: Hub;

  beforeAll(async () => {
    // with a port for metrics, as in a `.env` that the REPL reads, too: it is the node's alone
    hub = await startHub("SQLite", { ...withDemo, METRICS_PORT: String(await freePort()) });
  });
  afterAll(() => hub.dispose());

  const execute = (...commands: string[]): Promise<Ended> =>
    runScript("repl", { env: hub.env, args: commands.flatMap((command) => ["-e", command]) });

  it("calls actions of the running system", async () => {
    const { code, out, err } = await execute("call products.list --limit 2");

    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.match(/priceCents: \d+/g)).toHaveLength(2);
    expect(out).not.toContain("\u001b[");
  });

  it("acts as an operator, who sees everybody's orders", async () => {
    const shop = await Shop.open(hub);
    const ann = await hub.rest.signUp();
    const order = await shop.placed(ann, await shop.product(5));

    const { code, out } = await execute("call orders.list --limit 100");

    expect(code).toBe(0);
    expect(out).toContain(`id: '${order.id}'`);
    expect(out).toContain(`customerId: '${ann.id}'`);
  });

  it("acts as somebody else when told so, and meets the same rules as they do", async () => {
    const user = JSON.stringify({ user: { id: "0198c0de-0000-7000-8000-000000000001", roles: ["customer"] } });

    const { code, err } = await execute(`call inventory.get '{"sku":"85123A"}' '${user}'`);

    expect(code).toBe(1);
    expect(err).toContain("Your role does not allow this.");
  });

  it("lists services and actions, and describes an action", async () => {
    const { code, out } = await execute("services", "actions", "describe orders.pay");

    expect(code).toBe(0);
    expect(out).toMatch(/║ payments +│/);
    expect(out).toMatch(/║ orders\.place +│/);
    expect(out).toContain("orders.pay: Pay an order in full");
    expect(out).toContain("refuses with PAYMENT_DECLINED");
  });

  it("answers every line that is piped into it before it ends", async () => {
    const input = "call products.list --limit 1\n\ndescribe users.me\ncall products.list --limit 1\n";

    const { code, out } = await runScript("repl", { env: hub.env, input });

    expect(code).toBe(0);
    expect(out.match(/priceCents: \d+/g)).toHaveLength(2);
    expect(out).toContain("users.me: My profile");
  });

  it.each(["nonsense", "describe orders.nothing", "call orders.nothing", "call products.list --limit 0"])(
    "ends with 1 when this fails: %s",
    async (command) => {
      const { code, err } = await execute(command);

      expect(code).toBe(1);
      expect(err).not.toBe("");
    },
  );

  describe("what is wrong with a command", () => {
    let lines: ReplLines;

    beforeAll(() => {
      lines = new ReplLines(hub.env);
    });
    afterAll(() => lines.stop());

    const wrong = [
      ["orders --stauts PAID", "unknown option '--stauts'"],
      ["orders --status LOST", "Allowed choices are CREATED, PAID"],
      ["orders --limit 1000", '--limit is "1000", but must be a whole number from 1 to 100'],
      ["orders --customer nobody@example.com", "there is nobody with nobody@example.com"],
      ["order 12", '"12" is no id of an order'],
      ["order 0198c0de-0000-7000-8000-000000000001", "No such order."],
      ["pay", "missing required argument 'id'"],
      ["stock no-such-thing", "No such product."],
      ["stock 85123A --set 1 --adjust 1", "--set and --adjust exclude each other"],
      ["stock 85123A --adjust -100000000", "cannot be on hand"],
      ["dead redrive", "give the id of one event, or --all"],
      ["dead show 0198c0de-0000-7000-8000-000000000001", "no consumer has an event"],
      ["config set orderTtlSeconds 0", "orderTtlSeconds must be at least 1"],
      ["config set ordersOpen maybe", "ordersOpen must be of type boolean"],
      ["config set colour red", "Allowed choices are logLevel"],
      ["login nobody@example.com", "there is nobody with nobody@example.com"],
      ["events tail --type order.lost", "Allowed choices are"],
      ["top --seconds 0", '--seconds is "0"'],
      ["services --json", "services cannot answer in JSON"],
    ] as const;

    it.each(wrong)("is said, and the script fails: %s", async (command, words) => {
      const { code, out, err } = await lines.run({ commands: [command], json: false });

      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toContain(words);
      expect(err).not.toMatch(/^\s+at /m);
    });

    it("is said by one process of all of its commands", async () => {
      const args = wrong.flatMap(([command]) => ["-e", command]);

      const { code, out, err } = await runScript("repl", { env: hub.env, args });

      expect({ code, out }).toEqual({ code: 1, out: "" });
      for (const [, words] of wrong) expect(err).toContain(words);
      expect(err).not.toMatch(/^\s+at /m);
    });

    it("is said of the script's own options, too", async () => {
      const { code, err } = await runScript("repl", { env: hub.env, args: ["--jsno"] });

      expect(code).toBe(1);
      expect(err).toContain("use: npm run repl");
    });
  });

  it("ends when the system it is attached to is killed, and finds it again afterwards", async () => {
    const attached = startScript("repl", { env: hub.env });
    attached.child.stdin?.write("services\n");
    await attached.wrote("payments");

    await hub.kill("SIGKILL");
    const { code, err } = await attached.ended;
    const nobody = await execute("nodes");
    await hub.restart();
    const again = await execute("call products.list --limit 1");

    expect(code).toBe(1);
    expect(err).toContain("the system that this REPL was attached to has ended");
    expect(nobody.code).toBe(1);
    expect(nobody.err).toMatch(/^nothing runs on DATA_DIR .*; start the system with npm start\n$/);
    expect(again.code).toBe(0);
  });
});
