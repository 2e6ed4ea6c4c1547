import { createConnection, type Connection } from "mysql2/promise";
import type { Fault, Heal, Site } from "../fault.ts";
import type { Rule } from "../proxy.ts";
import type { Dependency, World, WorldNode } from "../world.ts";

/** What is allowed where the matrix of faults says nothing of its own. */
export const ordinary = { recoverWithinMs: 10_000, callMs: 5_000 } as const;

export const nothingToHeal: Heal = () => Promise.resolve();

export const upNodes = ({ nodes }: World): WorldNode[] => nodes.filter(({ isUp }) => isUp);

/** One of the regular nodes that are up; noted. */
export function aNode({ world, random, note }: Site): WorldNode {
  const node = random.pick(upNodes(world).filter(({ isRegular }) => isRegular));
  note(node.id);
  return node;
}

/** Every request. */
export const anything = /^/;

/** Sets a rule on every node's way to a server; healing lets everything pass. */
export async function onAllLinks({ nodes }: World, dependency: Dependency, rule: Rule): Promise<Heal> {
  const proxies = nodes.map(({ links }) => links[dependency]);
  await Promise.all(proxies.map((proxy) => proxy.set(rule)));
  return async () => {
    await Promise.all(proxies.map((proxy) => proxy.set({ kind: "pass" })));
  };
}

/** Sets a rule on a node's way to some of its servers. */
export async function onLinksOf(node: WorldNode, which: readonly Dependency[], rule: Rule): Promise<Heal> {
  await Promise.all(which.map((dependency) => node.links[dependency].set(rule)));
  return async () => {
    await Promise.all(which.map((dependency) => node.links[dependency].set({ kind: "pass" })));
  };
}

interface Breakable {
  kill: () => Promise<void>;
  pause: () => Promise<void>;
  resume: () => Promise<void>;
  restart: () => Promise<void>;
}

export const killed =
  (of: (world: World) => Breakable): Fault["inject"] =>
  async ({ world }) => {
    await of(world).kill();
    return () => of(world).restart();
  };

export const paused =
  (of: (world: World) => Breakable): Fault["inject"] =>
  async ({ world }) => {
    await of(world).pause();
    return () => of(world).resume();
  };

/** Work with the database itself, past the proxies. */
export async function inDatabase<T>({ servers }: World, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await createConnection({ uri: servers.mysql.url, connectTimeout: 5_000 });
  try {
    return await work(connection);
  } finally {
    connection.destroy();
  }
}
