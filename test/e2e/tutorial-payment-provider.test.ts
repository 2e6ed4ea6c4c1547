import { freePort } from "../support/config.ts";
import { actsOf, followed, isAsPromised, pageNamed, terminals, typesOf } from "../support/tutorial.ts";
import { eventually } from "../support/wait.ts";

describe("the tutorial of a payment provider, followed to the letter", () => {
  let page: string;
  let tree: ReturnType<typeof followed>;
  let person: ReturnType<typeof terminals>;

  beforeAll(async () => {
    const [port, walletPort] = [await freePort(), await freePort()];
    page = pageNamed("tutorial-payment-provider.md")
      .replaceAll("127.0.0.1:3000", `127.0.0.1:${port}`)
      .replaceAll("127.0.0.1:4100", `127.0.0.1:${walletPort}`);
    tree = followed(page);
    // a person's terminal is none of a test's
    const { NODE_ENV: _test, ...env } = process.env;
    person = terminals(tree.copy, { ...env, PORT: String(port), LOG_LEVEL: "error" });
  });
  afterAll(async () => {
    await person.stop();
    tree.remove();
  });

  it("writes eight files, one with settings, and one line", () => {
    expect(tree.steps).toBe(9);
  });

  it("has right types", () => {
    const files = ["scripts/start.ts", "scripts/wallet.ts", "test/component/payments/wallet.test.ts"];
    expect(typesOf(tree.copy, files)).toEqual({ status: 0, stdout: "" });
  }, 120_000);

  it("prints what it promises at each step", async () => {
    const acts = actsOf(page);
    expect(acts.filter((act) => act.kind === "run" && act.prints !== null)).toHaveLength(10);
    for (const act of acts) {
      if (act.kind === "terminal") await person.start(act.name, act.ready, act.code);
      else if (act.kind === "restart") await person.restart(act.name);
      else {
        let printed = await person.run(act.code);
        const { code, prints } = act;
        if (prints === null) continue;
        const look = async () => isAsPromised(printed, prints) || ((printed = await person.run(code)), false);
        if (act.soon) await eventually(look, 10_000).catch(() => {});
        expect({ code, printed }).toEqual({ code, printed: isAsPromised(printed, prints) ? printed : prints });
      }
    }
  }, 180_000);
});
