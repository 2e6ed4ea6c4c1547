import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import type { Fault } from "../fault.ts";
import type { World } from "../world.ts";
import { anything, killed, nothingToHeal, onAllLinks, ordinary, paused } from "./support.ts";

const limits = { ...ordinary, recoverWithinMs: 5_000 };
const fewestConnections = 10;

/**
 * A client's packet: 3 bytes of length, its number, the command COM_QUERY, and the text, in which the commit comes alone or
 * after the last writes.
 */
export const isCommit = /(?:^[^]{4}\x03|;\n)commit$/i;

const database = ({ servers }: World): World["servers"]["mysql"] => servers.mysql;

export const databaseFaults: readonly Fault[] = [
  {
    name: "database killed",
    about: "The database ends by SIGKILL, and is started again on its data.",
    targets: ["database"],
    limits,
    holdMs: [0, 4_000],
    weight: 4,
    inject: killed(database),
  },
  {
    name: "database restarted",
    about: "The database is told to stop, and started again.",
    targets: ["database"],
    limits,
    holdMs: [0, 0],
    async inject({ world }) {
      await world.servers.mysql.restart();
      return nothingToHeal;
    },
  },
  {
    name: "database paused",
    about: "The database stands still: connections stay open, and nobody answers.",
    targets: ["database"],
    limits,
    holdMs: [2_000, 10_000],
    weight: 2,
    inject: paused(database),
  },
  {
    name: "database reply of COMMIT lost",
    about: "Of some transactions the COMMIT arrives, but the reply to it does not.",
    targets: ["database"],
    limits,
    holdMs: [1_000, 5_000],
    weight: 4,
    async inject({ world, random, note }) {
      const share = random.pick([0.05, 0.3, 1]);
      note(`${share * 100} % of them`);
      return onAllLinks(world, "mysql", {
        kind: "lose",
        side: "replies",
        of: isCommit,
        share,
      });
    },
  },
  {
    name: "database request lost",
    about: "Some statements never arrive, COMMITs among them.",
    targets: ["database"],
    limits,
    holdMs: [1_000, 5_000],
    weight: 2,
    async inject({ world }) {
      return onAllLinks(world, "mysql", { kind: "lose", side: "requests", of: anything, share: 0.03 });
    },
  },
  {
    name: "database connections cut",
    about: "Every open connection to the database breaks at once.",
    targets: ["database"],
    limits,
    holdMs: [0, 0],
    async inject({ world }) {
      for (const { links } of world.nodes) links.mysql.reset();
      return nothingToHeal;
    },
  },
  {
    name: "database refuses connections",
    about: "Nothing listens where the database was.",
    targets: ["database"],
    limits,
    holdMs: [1_000, 5_000],
    inject: ({ world }) => onAllLinks(world, "mysql", { kind: "refuse" }),
  },
  {
    name: "database replies held",
    about: "The database hears every node, but its replies wait on their way; then all of them arrive.",
    targets: ["database"],
    limits,
    holdMs: [1_000, 6_000],
    inject: ({ world }) => onAllLinks(world, "mysql", { kind: "hold", sides: ["replies"] }),
  },
  {
    name: "database slow",
    about: "The way to the database and back takes 200 ms.",
    targets: ["database"],
    limits,
    holdMs: [2_000, 6_000],
    inject: ({ world }) => onAllLinks(world, "mysql", { kind: "latency", ms: 100 }),
  },
  {
    name: "database out of connections",
    about: "The database takes hardly any connections, and those that were open are ended.",
    targets: ["database"],
    limits,
    holdMs: [1_000, 5_000],
    async inject({ world }) {
      // one connection for all of it, as nobody might get in later to undo it
      const operator = await createConnection({ uri: world.servers.mysql.url, connectTimeout: 5_000 });
      const [[usual]] = await operator.query<RowDataPacket[]>("SELECT @@GLOBAL.max_connections AS most");
      const heal = async (): Promise<void> => {
        await operator.query(`SET GLOBAL max_connections = ${Number(usual?.most)}`);
        operator.destroy();
      };
      try {
        await operator.query(`SET GLOBAL max_connections = ${fewestConnections}`);
        await endOthers(operator);
      } catch (error) {
        await heal();
        throw error;
      }
      return heal;
    },
  },
];

/** Ends the nodes' connections. */
async function endOthers(operator: Connection): Promise<void> {
  const [open] = await operator.query<RowDataPacket[]>(
    "SELECT id FROM information_schema.PROCESSLIST WHERE db IS NOT NULL AND id <> CONNECTION_ID()",
  );
  // one that has ended by itself is no matter
  for (const { id } of open) await operator.query(`KILL ${Number(id)}`).catch(() => undefined);
}
