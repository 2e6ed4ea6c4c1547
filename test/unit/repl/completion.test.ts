import type { AppBroker } from "../../../contracts/bus.ts";
import { completionsOf } from "../../../repl/completion.ts";
import { orderCommands } from "../../../repl/orders.commands.ts";
import { queueCommands } from "../../../repl/queues.commands.ts";
import { systemCommands } from "../../../repl/system.commands.ts";
import { Terminal } from "../../../repl/terminal.ts";
import { watchCommands } from "../../../repl/watch.commands.ts";
import { Command } from "commander";
import { testConfig } from "../../support/config.ts";

const id = "0198c0de-0000-7000-8000-000000000001";

describe("completion", () => {
  const terminal = new Terminal({} as AppBroker, testConfig(), () => {});
  const program = new Command();
  for (const register of [orderCommands, queueCommands, systemCommands, watchCommands]) register(program, terminal);
  terminal.remember(id);

  const complete = (line: string): string[] | undefined =>
    completionsOf(line, program, terminal)?.[0].map((word) => word.trim());

  it.each([
    ["orders --st", ["--status"]],
    ["orders --status ", ["CREATED", "PAID", "SHIPPED", "COMPLETED", "CANCELLED", "EXPIRED", "REFUNDED"]],
    ["orders --status P", ["PAID"]],
    ["orders --status PAID --", ["--customer", "--limit", "--cursor"]],
    ["orders --customer ", [id]],
    ["order ", [id]],
    ["order 77", []],
    ["dead ", ["list", "show", "redrive"]],
    ["dead re", ["redrive"]],
    ["dead show ", [id]],
    ["config get order", ["orderTtlSeconds", "ordersOpen"]],
    ["config set orderTtlSeconds ", []],
    ["events tail --type order.s", ["order.shipped"]],
    ["events tail --subject ", [id]],
  ])("of %j", (line, words) => {
    expect(complete(line)).toEqual(words);
  });

  it("leaves to others what it does not know", () => {
    expect(complete("call orders.")).toBeUndefined();
    expect(complete("ord")).toBeUndefined();
  });
});
