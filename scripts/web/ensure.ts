import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { isBuilt } from "./sources.ts";

/**
 * Builds the shop and the console where that was not done yet, or where they have changed since. In a process of its own:
 * the builder needs more memory than the system. Answers with what went wrong: a system without pages still works.
 */
export async function ensureWeb(): Promise<string | null> {
  if (isBuilt()) return null;
  process.stderr.write("building the shop and the console\n");
  const child = spawn(process.execPath, [join(import.meta.dirname, "../build-web.ts")], {
    cwd: resolve(import.meta.dirname, "../.."),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((done) => {
    child.once("error", () => done(1));
    child.once("close", done);
  });
  return code === 0 ? null : `the shop and the console could not be built: ${said.trim().split("\n")[0] ?? ""}`;
}
