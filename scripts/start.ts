import { loadConfig, type Config } from "../config.ts";
import { startRepl } from "../repl/session.ts";
import { ensureAdmin } from "./first-admin.ts";
import { runNode } from "./run-node.ts";
import { seedCatalogue } from "./seed-catalogue.ts";
import { ensureWeb } from "./web/ensure.ts";

// `npm start`: the whole system in this process, or the services that the environment names.

const config = loadConfig();
const withRepl = process.argv.includes("--repl");

const pagesProblem = config.services.includes("gateway") ? await ensureWeb() : null;
if (pagesProblem !== null) process.stderr.write(`${pagesProblem}\n`);

await runNode(config, async (broker, end) => {
  const runs = new Set(config.services);
  const admin = runs.has("users") ? await ensureAdmin(broker, config) : null;
  const catalogue = runs.has("products") ? await loadCatalogue(() => seedCatalogue(broker, config)) : null;
  process.stdout.write(welcome(config, { admin, catalogue }));
  if (withRepl) startRepl(broker, { config, onQuit: end });
});

async function loadCatalogue(seed: () => ReturnType<typeof seedCatalogue>): Promise<string | null> {
  const report = await seed();
  return report && `${report.imported} products of the demo loaded, ${report.skipped.length} lines left out`;
}

function welcome(
  { publicUrl, dataDir, store, services }: Config,
  { admin, catalogue }: { admin: string | null; catalogue: string | null },
): string {
  const facts = [
    ["services", services.join(", ")],
    ...(services.includes("gateway")
      ? [
          ["shop", publicUrl],
          ["console", `${publicUrl}/console`],
          ["docs", `${publicUrl}/docs`],
        ]
      : []),
    ["data", store.dialect === "sqlite" ? dataDir : `${new URL(store.url).host}, keys in ${dataDir}`],
    ...(catalogue === null ? [] : [["catalogue", catalogue]]),
    ...(admin === null ? [] : [["sign in as", admin]]),
  ];
  const lines = facts.map(([name, value]) => `  ${(name ?? "").padEnd(12)}${value ?? ""}`);
  return `\nEnterpriseHub is ready.\n\n${lines.join("\n")}\n${services.includes("gateway") ? firstSteps(publicUrl) : ""}\n`;
}

function firstSteps(url: string): string {
  return `
  First steps, in another terminal (README.md goes on to a paid order):

    curl '${url}/api/v1/products?search=lantern&limit=3'
    curl -X POST ${url}/api/v1/auth/register -H 'content-type: application/json' \\
      -d '{"email":"ann@example.com","password":"correct horse battery","name":"Ann"}'
    npm run repl
`;
}
