// The parts of moleculer-repl that have no declarations.

declare module "moleculer-repl/src/commands/index.js" {
  import type { Command } from "commander";
  import type { ServiceBroker } from "moleculer";

  /** Adds every command of moleculer-repl. */
  export default function registerCommands(program: Command, broker: ServiceBroker): void;
}

declare module "moleculer-repl/src/autocomplete.js" {
  import type { Command } from "commander";
  import type { ServiceBroker } from "moleculer";

  const autocomplete: {
    autocompleteHandler(line: string, broker: ServiceBroker, program: Command): [string[], string];
  };
  export default autocomplete;
}
