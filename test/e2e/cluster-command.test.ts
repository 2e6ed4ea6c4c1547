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

  it("refuses a number of nodes that is none", async () => {
    expect(await runScript("cluster", { args: ["--nodes", "many"] })).toMatchObject({
      code: 1,
      err: '--nodes is "many", but must be a whole number from 1 to 16\n',
    });
  });
});
