import { pingDatabase, startMariaDb } from "./mariadb.ts";
import { pingNats, startNats } from "./nats.ts";
import type { BackingServer, PrivateServer } from "./process.ts";
import { provide, providePrivate, type ServerKind } from "./provide.ts";
import { pingRabbitMq, startRabbitMq } from "./rabbitmq.ts";
import { pingRedis, startRedis } from "./redis.ts";

export type Server = "mysql" | "redis" | "amqp" | "nats";

export const kinds = {
  mysql: {
    name: "MySQL 8 or MariaDB 10.6+ server",
    variable: "DATABASE_URL",
    programs: ["mariadbd", "mysqld"],
    package: "mariadb-server",
    ping: (url) => pingDatabase(url.replace(/^mariadb:/, "mysql:")),
    start: startMariaDb,
    compose: {
      service: "mysql",
      portVariable: "MYSQL_PORT",
      url: (port, password) => `mysql://root:${password}@127.0.0.1:${port}`,
    },
  },
  redis: {
    name: "Redis server",
    variable: "REDIS_URL",
    programs: ["redis-server"],
    package: "redis-server",
    ping: pingRedis,
    start: startRedis,
    compose: {
      service: "redis",
      portVariable: "REDIS_PORT",
      url: (port, password) => `redis://:${password}@127.0.0.1:${port}`,
    },
  },
  amqp: {
    name: "RabbitMQ 3.10+ server",
    variable: "AMQP_URL",
    programs: ["rabbitmq-server"],
    package: "rabbitmq-server",
    ping: pingRabbitMq,
    start: startRabbitMq,
    compose: {
      service: "rabbitmq",
      portVariable: "RABBITMQ_PORT",
      url: (port, password) => `amqp://hub:${password}@127.0.0.1:${port}`,
    },
  },
  nats: {
    name: "NATS server",
    variable: "TRANSPORTER",
    programs: ["nats-server"],
    package: "nats-server",
    ping: pingNats,
    start: startNats,
    compose: {
      service: "nats",
      portVariable: "NATS_PORT",
      url: (port, password) => `nats://hub:${password}@127.0.0.1:${port}`,
    },
  },
} satisfies Record<Server, ServerKind>;

type Kinds = typeof kinds;

/** A server of this kind that was started here. */
export type PrivateOf<S extends Server> = Awaited<ReturnType<Kinds[S]["start"]>>;

interface Started {
  /** Ends what was started; what ran before stays. */
  stop(): Promise<void>;
}

/** Where servers answer, and the end of those that were started for it. */
export type Backing<S extends Server> = Record<S, BackingServer> & Started;

/** Servers of our own. */
export type PrivateBacking<S extends Server> = { [Name in S]: PrivateOf<Name> } & Started;

/** Servers to work with: those the environment names where they answer, else private ones. */
export async function startBacking<S extends Server>(which: readonly S[]): Promise<Backing<S>> {
  return startAll(which, (server) => provide(kinds[server]));
}

/** Servers of their own, whatever the environment names: for tests that break them. */
export async function startPrivateBacking<S extends Server>(which: readonly S[]): Promise<PrivateBacking<S>> {
  return (await startAll(which, (server) => providePrivate<PrivateServer>(kinds[server]))) as PrivateBacking<S>;
}

/** All or none. */
async function startAll<S extends Server, Of extends BackingServer>(
  which: readonly S[],
  start: (server: S) => Promise<Of>,
): Promise<Record<S, Of> & Started> {
  const starts = await Promise.allSettled(which.map(async (server) => [server, await start(server)] as const));
  const started = starts.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const stop = async (): Promise<void> => void (await Promise.all(started.map(([, server]) => server.stop())));
  const failed = starts.find((outcome) => outcome.status === "rejected");
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { ...(Object.fromEntries(started) as Record<S, Of>), stop };
}
