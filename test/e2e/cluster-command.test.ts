import { freePort } from "../support/config.ts";
import { runScript, startScript } from "../support/script.ts";

describe("npm run cluster", () => {
  it("starts servers and nodes, says where they are, and ends all of it when told to", async () => {
    const port = await freePort();
    const env = {
      PORT: String(port),
      DATABASE_URL: "",
      AMQP_URL: "",
      REDIS_URL: "",
      TRANSPORTER: "",
      ADMIN_PASSWORD: "",
    };
    const cluster = startScript("cluster", { env, args: ["--nodes", "1"] });
    await cluster.wrote("The cluster is ready.");
    const [, password = ""] = /password (\S+)/.exec(cluster.output()) ?? [];
    const pids = [...cluster.output().matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid));
    const api = `http://127.0.0.1:${port}/api/v1`;
    const products = (await (await fetch(`${api}/products?limit=1`)).json()) as { items: unknown[] };
    const signedIn = await fetch(`${api}/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "admin@example.com", password }),
    });

    cluster.child.kill("SIGINT");
    const { code } = await cluster.ended;

    expect(code).toBe(0);
    expect(products.items).toHaveLength(1);
    expect(signedIn.status).toBe(200);
    expect(pids).toHaveLength(1);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await expect(fetch(`${api}/products`)).rejects.toThrow();
  });

  it("starts the servers alone for nodes in other terminals", async () => {
    const cluster = startScript("cluster", { args: ["--nodes", "0"] });
    await cluster.wrote("REDIS_URL=redis://");

    cluster.child.kill("SIGINT");
    const { code, out } = await cluster.ended;

    expect(out).toMatch(
      /export DATABASE_URL=mysql:.* \\\n +TRANSPORTER=nats:.* \\\n +AMQP_URL=amqp:.* \\\n +REDIS_URL=redis:/,
    );
    expect(code).toBe(0);
  });

  it("refuses a number of nodes that is none", async () => {
    expect(await runScript("cluster", { args: ["--nodes", "many"] })).toMatchObject({
      code: 1,
      err: '--nodes is "many", but must be a whole number from 0 to 16\n',
    });
  });
});
