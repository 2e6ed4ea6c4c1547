import { resolve } from "node:path";
import type { ServiceName } from "../contracts/bus.ts";
import { serverDirectory, startProcess, type OwnedProcess } from "./backing/process.ts";

const script = resolve(import.meta.dirname, "node.ts");
/** As `npm run node` has it: without them V8 lets garbage lie until a node has several times what it needs. */
const memoryArgs = ["--max-semi-space-size=32", "--max-old-space-size=384"];
const compiled = resolve(import.meta.dirname, "../node_modules/.cache/compiled");
const readyWithinMs = 120_000;

export interface NodeOptions {
  id: string;
  /** All of them when empty. */
  services: readonly ServiceName[];
  /** Where its gateway listens, if it runs one. */
  port: number;
  /** How payment providers and people reach a gateway; this node's own when absent. */
  publicUrl?: string;
  env: Readonly<Record<string, string>>;
  onOutput?: (text: string) => void;
  /** Options of Node itself. */
  nodeArgs?: readonly string[];
  /** Resolves at once when false: the node may have to wait for servers or for others. */
  untilReady?: boolean;
}

export interface ClusterNode extends OwnedProcess {
  id: string;
  url: string;
}

/** One node of a cluster as a process of its own, which ends with this one. */
export async function startNode(options: NodeOptions): Promise<ClusterNode> {
  const { id, services, port, env, onOutput, nodeArgs = [], untilReady = true } = options;
  const url = `http://127.0.0.1:${port}`;
  const dataDir = serverDirectory(id);
  let output = "";
  const owned = await startProcess({
    name: id,
    directory: dataDir,
    command: process.execPath,
    args: [...memoryArgs, ...nodeArgs, script],
    env: {
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compiled,
      MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? "2",
      ...env,
      NODE_ID: id,
      HOST: "127.0.0.1",
      PORT: String(port),
      PUBLIC_URL: options.publicUrl ?? url,
      SERVICES: services.join(","),
      DATA_DIR: dataDir,
    },
    probe: async () => {
      if (untilReady && !output.includes(`node ${id} is ready`)) throw new Error("it is not ready");
    },
    deadlineMs: readyWithinMs,
    onOutput: (text) => {
      output = (output + text).slice(-1_000);
      onOutput?.(text);
    },
  });
  const { kill, restart } = owned;
  return Object.assign(owned, {
    id,
    url,
    kill: () => kill().then(() => void (output = "")),
    restart() {
      output = "";
      return restart();
    },
  });
}
