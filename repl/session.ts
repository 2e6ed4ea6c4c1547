import { createInterface } from "node:readline";
import { start } from "node:repl";
import { join } from "node:path";
import { format, stripVTControlCharacters } from "node:util";
import { Command, CommanderError } from "commander";
import autocomplete from "moleculer-repl/src/autocomplete.js";
import registerCommands from "moleculer-repl/src/commands/index.js";
import { parseArgsStringToArgv } from "string-argv";
import type { AppBroker } from "../contracts/bus.ts";
import { messageOf } from "../lib/errors.ts";
import { asOperator } from "./operator.ts";
import { describeCommand } from "./describe.command.ts";
import { orderCommand } from "./order.command.ts";

// moleculer-repl's commands with a loop of our own: its own one ends before the answers to piped lines have come, cannot
// run a single command, and keeps its history in the home directory.

const customCommands = [describeCommand, orderCommand];

export interface SessionOptions {
  dataDir: string;
  /** Ends the process, or what of it the REPL stands for. */
  onQuit: () => Promise<void>;
}

interface Session {
  program: Command;
  /** Runs one line; false when it was no command or when it failed. */
  readonly evaluate: (line: string) => Promise<boolean>;
}

function session(broker: AppBroker, onQuit: () => Promise<void>): Session {
  let failed = false;
  const onFailedCall = (): void => {
    failed = true;
  };
  const seen = asOperator(broker, { onQuit, onFailedCall });
  const program = new Command()
    .exitOverride()
    .allowUnknownOption(true)
    .showHelpAfterError(true)
    .showSuggestionAfterError(true);
  registerCommands(program, seen);
  for (const register of customCommands) register(program, seen);
  return {
    program,
    async evaluate(line) {
      const argv = parseArgsStringToArgv(line, "node", "hub");
      if (argv.length === 2) return true;
      failed = false;
      try {
        await program.parseAsync(argv);
      } catch (error) {
        // what commander refuses, it has explained already
        if (error instanceof CommanderError) return error.exitCode === 0;
        process.stderr.write(`${messageOf(error)}\n`);
        return false;
      }
      return !failed;
    },
  };
}

/** Reads commands from the terminal until `quit` or Ctrl-D. */
export function startRepl(broker: AppBroker, { dataDir, onQuit }: SessionOptions): void {
  const { program, evaluate } = session(broker, onQuit);
  const server = start({
    prompt: "hub $ ",
    completer: (line: string) => autocomplete.autocompleteHandler(line, broker, program),
    eval: (line, _context, _file, done) => void evaluate(line).then(() => done(null, undefined)),
    ignoreUndefined: true,
  });
  server.setupHistory(join(dataDir, "repl-history"), (error) => {
    if (error) process.stderr.write(`the history cannot be kept: ${error.message}\n`);
  });
  server.once("exit", () => void onQuit());
}

/** Runs commands one after another; true when all of them succeeded. */
export async function runCommands(
  broker: AppBroker,
  lines: Iterable<string> | AsyncIterable<string>,
  { onQuit }: Pick<SessionOptions, "onQuit">,
): Promise<boolean> {
  // the commands colour what they print, whoever reads it
  if (!process.stdout.isTTY) console.log = (...parts) => void process.stdout.write(plain(parts));
  if (!process.stderr.isTTY) console.error = (...parts) => void process.stderr.write(plain(parts));
  const { evaluate } = session(broker, onQuit);
  let succeeded = true;
  for await (const line of lines) succeeded = (await evaluate(line)) && succeeded;
  return succeeded;
}

const plain = (parts: unknown[]): string => `${stripVTControlCharacters(format(...parts))}\n`;

/** The lines that are piped into this process. */
export const pipedLines = (): AsyncIterable<string> => createInterface({ input: process.stdin });
