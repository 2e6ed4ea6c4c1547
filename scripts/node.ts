import { loadConfig } from "../config.ts";
import { ensureAdmin } from "./first-admin.ts";
import { runNode } from "./run-node.ts";

// `npm run node -- orders payments`: one node with these services, or those that the environment names.

const names = process.argv.slice(2).flatMap((argument) => argument.split(","));
const config = loadConfig(names.length === 0 ? {} : { SERVICES: names.join(",") });

await runNode(config, async (broker) => {
  if (config.services.includes("users") && config.admin.password !== null) await ensureAdmin(broker, config);
  process.stdout.write(`node ${config.nodeId} is ready: ${config.services.join(", ")}\n`);
});
