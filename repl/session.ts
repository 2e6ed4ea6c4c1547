import { createInterface } from "node:readline";
import { start } from "node:repl";
import { join } from "node:path";
import { format, stripVTControlCharacters } from "node:util";
import { Command, CommanderError } from "commander";
import autocomplete from "moleculer-repl/src/autocomplete.js";
import registerCommands from "moleculer-repl/src/commands/index.js";
import { parseArgsStringToArgv } from "string-argv";
import type { Config } from "../config.ts";
import type { AppBroker } from "../contracts/bus.ts";
import { completionsOf } from "./completion.ts";
import { describeCommand } from "./describe.command.ts";
import { asOperator } from "./operator.ts";
import { orderCommands } from "./orders.commands.ts";
import { peopleCommands } from "./people.commands.ts";
import { queueCommands } from "./queues.commands.ts";
import { stockCommands } from "./stock.commands.ts";
import { systemCommands } from "./system.commands.ts";
import { isColoured, paint } from "./table.ts";
import { complaintOf, Terminal } from "./terminal.ts";
import { watchCommands } from "./watch.commands.ts";

// moleculer-repl's commands beside our own, with a loop of our own: its own one ends before the answers to piped lines
// have come, cannot run a single command, and keeps its history in the home directory.

const helpHint = "(say `help` for all commands, `help <command>` for one)";
const ownCommands = [orderCommands, stockCommands, queueCommands, systemCommands, watchCommands, peopleCommands];

export interface SessionOptions {
  config: Config;
  /** Ends the process, or what of it the REPL stands for. */
  onQuit: () => Promise<void>;
}

interface Session {
  program: Command;
  terminal: Terminal;
  /** Runs one line; false when it was no command or when it failed. */
  readonly evaluate: (line: string) => Promise<boolean>;
}

function session(broker: AppBroker, { config, onQuit, json = false }: SessionOptions & { json?: boolean }): Session {
  // before moleculer-repl's commands print through the console, which is silent while programs read
  const write = (text: string): void => void process.stdout.write(isColoured() ? text : stripVTControlCharacters(text));
  const terminal = new Terminal(broker, config, write);
  const seen = asOperator(broker, {
    onQuit,
    caller: () => terminal.identity,
    onAnswer: (answer) => {
      if (terminal.json) terminal.show(answer, () => "");
    },
    onFailedCall: () => (terminal.failed = true),
  });
  const program = new Command("hub")
    .usage("[command]")
    .exitOverride()
    .allowUnknownOption(true)
    .showHelpAfterError(helpHint)
    .showSuggestionAfterError(true);
  const own = addOwnCommands(program, terminal);
  program.commandsGroup("Moleculer's:");
  addMoleculerCommands(program, seen);

  return {
    program,
    terminal,
    async evaluate(line) {
      const argv = parseArgsStringToArgv(line, "node", "hub");
      const [, , name] = argv;
      if (name === undefined) return true;
      terminal.begin(json || argv.includes("--json"));
      try {
        if (!terminal.json || own.has(name) || name === "help") await program.parseAsync(argv);
        else if (name === "call") await quietly(() => program.parseAsync(argv.filter((word) => word !== "--json")));
        else throw new Error(`${name} cannot answer in JSON`);
      } catch (error) {
        // what commander refuses, it has explained already
        if (error instanceof CommanderError) return error.exitCode === 0;
        process.stderr.write(`${complaintOf(error)}\n`);
        return false;
      }
      return !terminal.failed;
    },
  };
}

/** Answers with their names. */
function addOwnCommands(program: Command, terminal: Terminal): Set<string> {
  program.commandsGroup("The shop's:");
  for (const register of ownCommands) register(program, terminal);
  const leaves = program.commands.flatMap((one) => (one.commands.length > 0 ? one.commands : [one]));
  for (const command of leaves) command.option("--json", "answer in JSON");
  const names = new Set(program.commands.map((one) => one.name()));
  describeCommand(program);
  return names;
}

/** Prints secrets of this process, and those of none of the nodes. */
const unwanted = ["env"];

/** All but those that ours replace: `nodes` and `events`. */
function addMoleculerCommands(program: Command, broker: Parameters<typeof registerCommands>[1]): void {
  // commands take such settings from the one they are made under
  const theirs = new Command().exitOverride().showHelpAfterError(helpHint).showSuggestionAfterError(true);
  registerCommands(theirs, broker);
  const taken = new Set([...program.commands.map((one) => one.name()), ...unwanted]);
  for (const command of theirs.commands) if (!taken.has(command.name())) program.addCommand(command);
}

/** moleculer-repl tells of a call in words; a program wants the answer alone. */
async function quietly(run: () => Promise<unknown>): Promise<void> {
  const { console: real } = globalThis;
  globalThis.console = Object.assign(Object.create(real) as Console, { log: () => {} });
  try {
    await run();
  } finally {
    globalThis.console = real;
  }
}

/** Reads commands from the terminal until `quit` or Ctrl-D. */
export function startRepl(broker: AppBroker, options: SessionOptions): void {
  const { program, terminal, evaluate } = session(broker, options);
  terminal.isInteractive = true;
  if (!isColoured()) printPlainly();
  const prompt = (): string => `${paint("cyan", terminal.email ?? "hub")} $ `;
  const server = start({
    prompt: prompt(),
    completer: (line: string) =>
      completionsOf(line, program, terminal) ?? autocomplete.autocompleteHandler(line, broker, program),
    eval: (line, _context, _file, done) =>
      void evaluate(line).then(() => {
        server.setPrompt(prompt());
        done(null, undefined);
      }),
    ignoreUndefined: true,
    breakEvalOnSigint: false,
  });
  server.on("SIGINT", () => terminal.interrupt());
  server.setupHistory(join(options.config.dataDir, "repl-history"), (error) => {
    if (error) process.stderr.write(`the history cannot be kept: ${error.message}\n`);
  });
  server.once("exit", () => void options.onQuit());
}

/** Runs commands one after another; true when all of them succeeded. */
export async function runCommands(
  broker: AppBroker,
  lines: Iterable<string> | AsyncIterable<string>,
  options: SessionOptions & { json: boolean },
): Promise<boolean> {
  if (!isColoured()) printPlainly();
  const { terminal, evaluate } = session(broker, options);
  process.once("SIGINT", () => terminal.interrupt());
  let succeeded = true;
  for await (const line of lines) succeeded = (await evaluate(line)) && succeeded;
  return succeeded;
}

/** moleculer-repl's commands colour what they print, whoever reads it. */
function printPlainly(): void {
  console.log = (...parts) => void process.stdout.write(plain(parts));
  console.error = (...parts) => void process.stderr.write(plain(parts));
}

const plain = (parts: unknown[]): string => `${stripVTControlCharacters(format(...parts))}\n`;

/** The lines that are piped into this process. */
export const pipedLines = (): AsyncIterable<string> => createInterface({ input: process.stdin });
