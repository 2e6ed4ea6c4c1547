import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fullPathOf, type Person } from "../../support/rest.ts";
import { startHub, type Hub, type StoreName } from "../../support/hub.ts";
import { castOf, type Cast } from "./cast.ts";
import { requests, type Ask } from "./requests.ts";

// Lets sqlmap and wapiti, which have to be installed, loose on every documented route of a system of its own:
// `node test/e2e/attacks/scan.ts --store MySQL --out scan`. What they find is written to the folder, and said at the end.
// It takes about half an hour, so that it is no part of `npm test`.

const { values: options } = parseArgs({
  options: {
    store: { type: "string", default: "SQLite" },
    out: { type: "string", default: "scan" },
    /** Only routes with this in their name. */
    only: { type: "string", default: "" },
  },
});
/** These end what their caller is signed in by. */
const endsSomething = /auth\/(refresh|logout|password$)|DELETE \/users\/me$/;
const perRouteMs = 180_000;
const wapitiSeconds = 600;
const wapitiModules =
  "backup,blindsql,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,xss,xxe";

/** Values of the query that are accepted. */
const samples: Record<string, string> = {
  limit: "5",
  inStock: "true",
  unread: "true",
  sort: "name",
  status: "CREATED",
  action: "refund",
  customerId: "01a21371-bccf-7df3-8027-c31ddf86ec45",
};

/** Wapiti 3.0 wants a header whose filter made holes of its own, and which browsers know no more. */
const goneFromBrowsers = "X-XSS-Protection";

interface Parameter {
  name: string;
  in: string;
}

const most = "1000000000";
const hub = await startHub(options.store as StoreName, {
  RATE_LIMIT: most,
  REGISTER_RATE_LIMIT: most,
  LOGIN_FAILURES_PER_ADDRESS: most,
  LOGIN_FAILURES_PER_ACCOUNT: most,
  // as behind TLS
  PUBLIC_URL: "https://shop.example.com",
});
mkdirSync(options.out, { recursive: true });
const found: string[] = [];
try {
  for (const route of Object.keys(requests))
    if (route.includes(options.only)) await injectInto(hub, await castOf(hub), route);
  if (options.only === "") await crawl(hub, await castOf(hub));
} finally {
  await hub.dispose();
}
process.stdout.write(found.length === 0 ? "nothing found\n" : `found:\n${found.join("\n")}\n`);
process.exitCode = found.length === 0 ? 0 : 1;

/** Somebody who may ask. Everybody is new, as tokens last 15 minutes. */
async function callerOf(cast: Cast, route: string): Promise<Person | null> {
  const { A, admin } = cast.actors;
  const isRefused = (await ask(cast, route, A)) === 403;
  if (isRefused) return admin;
  return endsSomething.test(route) ? cast.another("A") : A;
}

async function ask(cast: Cast, route: string, actor: Person | null): Promise<number> {
  const [method = ""] = route.split(" ");
  const { path, body, headers } = await requestOf(cast, route, actor);
  const token = actor ? { token: actor.token } : {};
  return (await hub.rest.request(route.endsWith("/stream") ? "HEAD" : method, path, { ...token, body, headers }))
    .status;
}

async function requestOf(cast: Cast, route: string, actor: Person | null): Promise<Ask> {
  const make = requests[route];
  if (!make) throw new Error(`there is no request for ${route}`);
  return make({ cast, actor });
}

async function injectInto({ url }: Hub, cast: Cast, route: string): Promise<void> {
  // the answer would not end
  if (route.endsWith("/stream")) return;
  const actor = await callerOf(cast, route);
  const { path, body, headers = {} } = await requestOf(cast, route, actor);
  const [method = ""] = route.split(" ");
  const full = fullPathOf(path);
  const text = [
    `${method} ${await markedPath(url, full, route, actor)} HTTP/1.1`,
    `Host: ${new URL(url).host}`,
    ...(actor ? [`Authorization: Bearer ${actor.token}`] : []),
    "X-Request-Id: scan*",
    ...(body === undefined ? [] : [`Content-Type: ${headers["content-type"] ?? "application/json"}`]),
    "",
    body === undefined ? "" : marked(body),
  ].join("\r\n");
  const name = route.replaceAll(/[^\w]+/g, "-");
  const file = join(options.out, `${name}.txt`);
  writeFileSync(file, text);
  const settings = [
    "--batch",
    "--ignore-stdin",
    "--flush-session",
    "--disable-coloring",
    "--level=2",
    "--risk=2",
    "--technique=BEUT",
  ];
  // it would stop at a first answer that says no
  const more = [
    "--ignore-code=401,404",
    `--dbms=${options.store}`,
    "--time-sec=2",
    `--output-dir=${options.out}/sqlmap`,
  ];
  const stdout = await run("sqlmap", ["-r", file, ...settings, ...more], perRouteMs);
  writeFileSync(join(options.out, `${name}.log`), stdout);
  const safe = /all tested parameters do not appear to be injectable/.test(stdout);
  if (/is vulnerable|injection point\(s\)|appears to be .* injectable/.test(stdout)) found.push(`sqlmap: ${route}`);
  if (/\b5\d\d \([A-Z]/.test(stdout)) found.push(`sqlmap: ${route} answered with a 5xx`);
  process.stdout.write(`${safe ? "not injectable" : "see the log"}: ${route}\n`);
}

/** With sqlmap's mark behind each part that is a parameter, and a value for each documented parameter of the query. */
async function markedPath(url: string, path: string, route: string, actor: Person | null): Promise<string> {
  const response = await fetch(`${url}/openapi.json`);
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, { parameters?: Parameter[] }>> };
  const [method = "", pattern = ""] = route.split(" ");
  const documented = fullPathOf(pattern.replaceAll(/:(\w+)/g, "{$1}"));
  const { parameters = [] } = paths[documented]?.[method.toLowerCase()] ?? {};
  const parts = documented.split("/");
  const withMarks = path.split("/").map((part, i) => (parts[i]?.startsWith("{") ? `${part}*` : part));
  const asked = parameters.filter((one) => one.in === "query").map(({ name }) => name);
  const known: Record<string, string> = { ...samples, to: actor?.email ?? "" };
  if (asked.includes("cursor")) known.cursor = await cursorOf(url + path, actor);
  const query = asked.filter((name) => known[name] !== "").map((name) => `${name}=${known[name] ?? "a"}*`);
  return `${withMarks.join("/")}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}

/** One that leads to a next page; "" where there is none. */
async function cursorOf(url: string, actor: Person | null): Promise<string> {
  const response = await fetch(`${url}?limit=1`, { headers: { authorization: `Bearer ${actor?.token ?? ""}` } });
  return ((await response.json()) as { nextCursor?: string | null }).nextCursor ?? "";
}

/** With sqlmap's mark behind each value. */
function marked(body: unknown): string {
  if (typeof body === "string") return `${body}*`;
  return JSON.stringify(body, (_key, value: unknown) => {
    if (typeof value === "string") return `${value}*`;
    return typeof value === "number" ? `\u0001${value}\u0001` : value;
  }).replaceAll(/"\\u0001(.*?)\\u0001"/g, "$1*");
}

/** What it wrote, until it ended or its time was over. */
async function run(command: string, args: string[], forMs: number): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], timeout: forMs });
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  return output;
}

async function crawl({ url }: Hub, cast: Cast): Promise<void> {
  const admin = await cast.another("admin");
  const starts: string[] = [`${url}/`, `${url}/docs`, `${url}/console`];
  for (const route of Object.keys(requests)) {
    if (!route.startsWith("GET ") || route.endsWith("/stream")) continue;
    const { path } = await requestOf(cast, route, admin);
    starts.push(url + (await markedPath(url, fullPathOf(path), route, admin)).replaceAll("*", ""));
  }
  const report = join(options.out, "wapiti.json");
  const where = ["-u", `${url}/`, ...starts.flatMap((start) => ["-s", start]), "--scope", "domain"];
  const how = ["-m", wapitiModules, "--max-scan-time", String(wapitiSeconds), "--flush-session", "--no-bugreport"];
  const header = ["-H", `Authorization: Bearer ${admin?.token ?? ""}`];
  const args = [...where, ...how, ...header, "-f", "json", "-o", report];
  const stdout = await run("wapiti", args, (wapitiSeconds + 300) * 1_000);
  writeFileSync(join(options.out, "wapiti.log"), stdout);
  const { vulnerabilities, anomalies } = JSON.parse(readFileSync(report, "utf8")) as Record<
    string,
    Record<string, { path: string; info: string }[]>
  >;
  for (const [kind, cases] of Object.entries({ ...vulnerabilities, ...anomalies }))
    for (const { path, info } of cases)
      if (!info.startsWith(goneFromBrowsers)) found.push(`wapiti: ${kind}: ${path}: ${info}`);
}
