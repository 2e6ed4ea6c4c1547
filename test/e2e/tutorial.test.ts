import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { freePort } from "../support/config.ts";
import { followed, pageNamed, typesOf } from "../support/tutorial.ts";
import { eventually } from "../support/wait.ts";

describe("the tutorial, followed to the letter", () => {
  let tree: ReturnType<typeof followed>;
  let system: ChildProcess | undefined;

  beforeAll(() => {
    tree = followed(pageNamed("tutorial.md"));
  });
  afterAll(() => {
    system?.kill("SIGKILL");
    tree.remove();
  });

  it("has right types", () => {
    expect(tree.steps).toBe(11);
    expect(typesOf(tree.copy, ["scripts/start.ts", "scripts/migrate.ts"])).toEqual({ status: 0, stdout: "" });
  }, 120_000);

  it("makes a service that takes one review from whoever ordered, and refuses the others", async () => {
    const port = await freePort();
    const api = `http://127.0.0.1:${port}/api/v1`;
    system = spawn(process.execPath, ["scripts/start.ts"], {
      cwd: tree.copy,
      env: { ...process.env, PORT: String(port), DATA_DIR: join(tree.copy, "data"), LOG_LEVEL: "error" },
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
