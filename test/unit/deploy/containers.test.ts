import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { load } from "js-yaml";
import { serviceNames } from "../../../contracts/bus.ts";
import { kinds } from "../../../scripts/backing/index.ts";
import { composeSecrets } from "../../../scripts/backing/provide.ts";

const root = resolve(import.meta.dirname, "../../..");
const read = (file: string): string => readFileSync(resolve(root, file), "utf8");

interface Service {
  image: string;
  restart: string;
  ports?: string[];
  healthcheck?: { test?: string[]; disable?: boolean };
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
}

const text = read("docker-compose.yml");
const { services } = load(text) as { services: Record<string, Service> };
const ours = ["gateway", "worker"];
const servers = Object.keys(services).filter((name) => !ours.includes(name));

const service = (name: string): Service => {
  const found = services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
};

describe("docker-compose.yml", () => {
  it("describes the nodes and every kind of server that the scripts can start", () => {
    expect(servers.sort()).toEqual(
      Object.values(kinds)
        .map(({ compose }) => compose.service)
        .sort(),
    );
    expect(ours.map((name) => service(name).image)).toEqual(["enterprise-hub", "enterprise-hub"]);
  });

  it("runs every service of the system on one of its nodes", () => {
    const run = ours.flatMap((name) => service(name).environment?.SERVICES?.split(",") ?? []);
    expect(run.sort()).toEqual([...serviceNames].sort());
  });

  it.each(servers)("restarts %s, asks whether it is healthy, and shows it to this machine alone", (name) => {
    const { restart, healthcheck, ports, image } = service(name);
    expect(restart).toBe("unless-stopped");
    expect(healthcheck?.test?.length).toBeGreaterThan(1);
    expect(image).toMatch(/:\d/);
    for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it.each(Object.values(kinds))("publishes a $name on the port that the scripts choose", ({ compose }) => {
    expect(service(compose.service).ports?.join()).toContain(`\${${compose.portVariable}:-`);
  });

  it.each(ours)("starts %s once the servers are healthy, and again when it ends", (name) => {
    const { restart, depends_on: waits } = service(name);
    expect(restart).toBe("unless-stopped");
    expect(Object.values(waits ?? {}).map(({ condition }) => condition)).toEqual(Array(4).fill("service_healthy"));
    expect(Object.keys(waits ?? {}).sort()).toEqual(["mysql", "nats", "rabbitmq", "redis"]);
  });

  it("has no password in it, and no default for one", () => {
    const secrets = [...text.matchAll(/\$\{(\w*(?:PASSWORD|SECRET)\w*)([^}]*)\}/g)];
    expect(secrets.length).toBeGreaterThan(5);
    for (const [, name = "", rest] of secrets) {
      // those of an account at Stripe, which not everybody has, and one that is there only while it is replaced
      if (name.startsWith("STRIPE_") || name === "SECRET_KEY_PREVIOUS") {
        expect(rest).toBe(":-");
        continue;
      }
      expect(composeSecrets as readonly string[]).toContain(name);
      expect(rest).toBe(":?");
    }
    expect(text).not.toMatch(/(?:PASSWORD|PASS|SECRET\w*): +[^$]/);
  });
});

describe("Dockerfile", () => {
  const dockerfile = read("Dockerfile");

  it("runs Node itself as a user without rights, and asks whether it lives", () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^CMD \["node", ("--[\w-]+=\d+", )*"scripts\/node\.ts"\]$/m);
    expect(dockerfile).toMatch(/HEALTHCHECK [^]*\/health\/live/);
    expect(dockerfile).toContain("npm ci --omit=dev");
  });

  it("finds everything it copies in what is sent to the engine", () => {
    const sent = read(".dockerignore").split("\n");
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = ""]) =>
      names.split(" "),
    );
    expect(copied.length).toBeGreaterThan(8);
    for (const name of copied) expect(sent).toContain(`!${name}`);
  });
});
