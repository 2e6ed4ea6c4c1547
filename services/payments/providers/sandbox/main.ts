import { loadConfig } from "../../../../config.ts";
import { messageOf } from "../../../../lib/errors.ts";
import { startSandbox } from "./server.ts";
import { sandboxSecrets } from "./signature.ts";

// The sandbox as a process of its own, at SANDBOX_URL: what survives when the payments service is killed, and the
// other way round. It says where it answers once it does.

async function main(): Promise<void> {
  const config = loadConfig();
  const { hostname, port } = new URL(config.sandboxUrl ?? "http://127.0.0.1:0");
  const sandbox = await startSandbox({
    store: config.store,
    port: Number(port),
    host: hostname.replace(/^\[|\]$/g, ""),
    webhookSecret: sandboxSecrets(config)[0],
    onError: (error) => process.stderr.write(`sandbox: ${messageOf(error)}\n`),
  });
  process.stdout.write(`sandbox listens on ${sandbox.url}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void sandbox.stop());
}

main().catch((error: unknown) => {
  process.stderr.write(`sandbox: ${messageOf(error)}\n`);
  process.exitCode = 1;
});
