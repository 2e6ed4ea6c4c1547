import { StartError } from "../lib/data-dir.ts";
import { DomainError, messageOf } from "../lib/errors.ts";
import { ScriptError } from "./rest-client.ts";

/** What a person can act on is one sentence; of a fault the stack is needed. */
export function sentenceOf(error: unknown): string {
  if (error instanceof StartError || error instanceof ScriptError || error instanceof DomainError) return error.message;
  return error instanceof Error && error.stack ? error.stack : messageOf(error);
}

/** Runs the body of a command of the terminal; ends with 1 when it fails. */
export async function runScript(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    process.stderr.write(`${sentenceOf(error)}\n`);
    process.exit(1);
  }
}
