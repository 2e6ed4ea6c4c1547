import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "../../lib/errors.ts";
import { delay } from "../../lib/time.ts";
import { findProgram, freePort, type BackingServer, type PrivateServer } from "./process.ts";

const run = promisify(execFile);
const installMs = 10 * 60_000;
const composeMs = 5 * 60_000;
const answersWithinMs = 90_000;
const root = resolve(import.meta.dirname, "../..");

/** A program of the system's, and where it comes from. */
export interface Installable {
  /** What people call it, in messages. */
  name: string;
  /** The environment variable that names one, and what it takes for that. */
  variable: string;
  setTo?: string;
  programs: readonly string[];
  /** Debian's package. */
  package: string;
}

/** One kind of server: how to find, start, and install one. */
export interface ServerKind<Of extends PrivateServer = PrivateServer> extends Installable {
  ping: (url: string) => Promise<void>;
  start: (program: string) => Promise<Of>;
  /** The service of docker-compose.yml, the variable of the port it is published on, and how to reach it there. */
  compose: { service: string; portVariable: string; url: (port: number, password: string) => string };
}

/** The one that the environment names, if it answers; else a private one, of what is installed or can be. */
export async function provide(kind: ServerKind): Promise<BackingServer> {
  const url = process.env[kind.variable];
  if (url && (await answers(kind, url))) return { url, stop: async () => {} };
  return (await startPrivate(kind)) ?? (await startByCompose(kind)) ?? kind.start(await install(kind));
}

/** Null where it is not installed. */
async function startPrivate<Of extends PrivateServer>({ programs, start }: ServerKind<Of>): Promise<Of | null> {
  const program = findProgram(programs);
  return program === null ? null : start(program);
}

/** A private one, of which tests need the process: installed where it is missing. */
export async function providePrivate<Of extends PrivateServer>(kind: ServerKind<Of>): Promise<Of> {
  return (await startPrivate(kind)) ?? kind.start(await install(kind));
}

/** A container with a name, a port and a password of its own; null where no engine answers. */
async function startByCompose({ name, ping, compose }: ServerKind): Promise<BackingServer | null> {
  const docker = findProgram(["docker"]);
  if (docker === null || !(await succeeds(docker, ["compose", "version"])) || !(await succeeds(docker, ["info"])))
    return null;
  const port = await freePort();
  const password = randomBytes(18).toString("hex");
  const project = `hub-${compose.service}-${port}`;
  const env = {
    ...process.env,
    ...Object.fromEntries(composeSecrets.map((variable) => [variable, password])),
    [compose.portVariable]: String(port),
  };
  const composed = (...args: string[]): Promise<unknown> =>
    run(docker, ["compose", "--project-name", project, "--project-directory", root, ...args], {
      cwd: root,
      env,
      timeout: composeMs,
    });
  const stop = async (): Promise<void> => void (await composed("down", "--volumes"));
  const url = compose.url(port, password);
  try {
    await composed("up", "--detach", "--no-deps", compose.service);
    const deadline = Date.now() + answersWithinMs;
    while (!(await answers({ ping }, url))) {
      if (Date.now() > deadline) throw new Error(`no answer within ${answersWithinMs / 1_000} s`);
      await delay(250);
    }
    return { url, stop };
  } catch (error) {
    await stop();
    throw new Error(`${name} cannot be started with Docker Compose: ${messageOf(error)}`, { cause: error });
  }
}

/** What docker-compose.yml refuses to start without. */
export const composeSecrets = [
  "MYSQL_ROOT_PASSWORD",
  "MYSQL_PASSWORD",
  "REDIS_PASSWORD",
  "NATS_PASSWORD",
  "RABBITMQ_PASSWORD",
  "SECRET_KEY",
  "ADMIN_PASSWORD",
] as const;

/** Another process may be installing something. */
const patiently = ["-o", "DPkg::Lock::Timeout=300"];

let installing: Promise<unknown> = Promise.resolve();

/** Answers with the installed program. One after another: apt-get takes a lock. */
export function install(kind: Installable): Promise<string> {
  const installed = installing.then(() => installNow(kind));
  installing = installed.catch(() => {});
  return installed;
}

async function installNow({
  name,
  variable,
  setTo = "a running one",
  programs,
  package: packageName,
}: Installable): Promise<string> {
  const howToGetOne = `set ${variable} to ${setTo}, or install it (Debian, Ubuntu: apt-get install ${packageName})`;
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) {
    throw new Error(`no ${name} was found: ${howToGetOne}`);
  }
  process.stderr.write(`no ${name} was found: installing ${packageName} with apt-get\n`);
  const options = {
    timeout: installMs,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    maxBuffer: 64 * 1024 * 1024,
  };
  try {
    await run("apt-get", [...patiently, "update", "-qq"], options);
    await run("apt-get", [...patiently, "install", "-y", "-qq", "--no-install-recommends", packageName], options);
  } catch (error) {
    throw new Error(`${packageName} cannot be installed (${messageOf(error)}): ${howToGetOne}`, { cause: error });
  }
  const program = findProgram(programs);
  if (program === null) throw new Error(`${packageName} was installed, but brought no ${name}: ${howToGetOne}`);
  return program;
}

const answers = ({ ping }: Pick<ServerKind, "ping">, url: string): Promise<boolean> =>
  ping(url).then(
    () => true,
    () => false,
  );

const succeeds = (program: string, args: readonly string[]): Promise<boolean> =>
  run(program, args, { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
