import type { Command } from "commander";
import type { Terminal } from "./terminal.ts";

/** What the last word of a line may become; null where these commands have nothing to say. */
export function completionsOf(line: string, program: Command, terminal: Terminal): [string[], string] | null {
  const words = line.split(/\s+/).filter((word, i, all) => word !== "" || i === all.length - 1);
  const last = words.pop() ?? "";
  const [name, ...rest] = words;
  if (name === undefined) return null;
  let command = program.commands.find((one) => one.name() === name);
  if (!command) return null;
  const before = [...rest];
  for (let next = named(command, before[0]); next; next = named(command, before[0])) {
    command = next;
    before.shift();
  }
  const fitting = candidates(command, before, terminal).filter((word) => word.startsWith(last));
  return [fitting.map((word) => `${word} `), last];
}

const named = (command: Command, name: string | undefined): Command | undefined =>
  command.commands.find((one) => one.name() === name);

function candidates(command: Command, before: readonly string[], { shownIds }: Terminal): string[] {
  if (command.commands.length > 0) return command.commands.map((one) => one.name());
  const asked = command.options.find((option) => option.long === before.at(-1));
  if (asked && (asked.required || asked.optional)) {
    return asked.argChoices ? [...asked.argChoices] : /id|customer/.test(asked.flags) ? shownIds.toReversed() : [];
  }
  const flags = command.options.flatMap(({ long }) => (long && !before.includes(long) ? [long] : []));
  const [argument] = command.registeredArguments;
  if (!argument || before.some((word) => !word.startsWith("-"))) return flags;
  const values = argument.argChoices ?? (argument.name() === "id" ? shownIds.toReversed() : []);
  return [...values, ...flags];
}
