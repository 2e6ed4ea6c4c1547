import { Type } from "@sinclair/typebox";
import { Argument } from "commander";
import { liveFields, type LiveChange, type LiveReport } from "../contracts/settings.ts";
import { reportText } from "../scripts/doctor/text.ts";
import { compileSchema } from "../lib/validator.ts";
import { diagnose, hastenedText } from "./diagnose.ts";
import { paint, status, table } from "./table.ts";
import { BadArgument, type Register } from "./terminal.ts";

export const settingNames = Object.keys(liveFields) as (keyof typeof liveFields)[];

/** `doctor`, `nodes` and `config`: the system itself. */
export const systemCommands: Register = (program, terminal) => {
  program
    .command("doctor")
    .description("Check every invariant over all services; fails when one does not hold")
    .option("--fix", "have the services do now what is due, and look again")
    .action(async ({ fix = false }: { fix?: boolean }) => {
      const report = await diagnose(terminal.bus, {
        fix,
        onHastened: (before, result) => {
          if (!terminal.json) terminal.print(`${reportText(before)}\n${hastenedText(result)}`);
        },
      });
      terminal.failed = !report.ok;
      terminal.show(report, () => coloured(reportText(report)));
    });
  program
    .command("nodes")
    .description("List the nodes that run, and those that are missed")
    .action(async () => {
      const nodes = await terminal.bus.call("ops.nodes", {});
      terminal.show(nodes, () =>
        table(
          ["node", "state", "cpu %", "up", "version", "services"],
          nodes.items.map((node) => [
            node.id,
            status(node.available ? "ok" : "away"),
            node.cpu,
            node.uptimeSeconds === null ? null : spanOf(node.uptimeSeconds),
            node.version,
            node.services.join(" "),
          ]),
        ),
      );
    });

  const config = program.command("config").description("Read and change the settings that nodes follow while they run");
  config
    .command("get")
    .addArgument(new Argument("[name]", "which").choices(settingNames))
    .description("Show a setting, or all of them")
    .action(async (name?: keyof LiveChange) => {
      const report = await terminal.bus.call("ops.config", {});
      const shown = name === undefined ? report : { [name]: report.values[name] };
      terminal.show(shown, () => settingsTable(report, name === undefined ? settingNames : [name]));
    });
  config
    .command("set")
    .addArgument(new Argument("<name>", "which").choices(settingNames))
    .argument("<value>", "a number or a word, of switches true or false; null takes back what was set")
    .description("Change a setting of all nodes within a second, also for those that join later")
    .action(async (name: keyof LiveChange, value: string) => {
      const report = await terminal.bus.call("ops.setConfig", { [name]: parsed(name, value) });
      terminal.show(report, () => settingsTable(report, [name]));
    });
};

/** Checked here, too: the contract also allows null, and so could only say that it is neither. */
function parsed(name: keyof LiveChange, text: string): unknown {
  if (text === "null") return null;
  const words: Record<string, unknown> = { true: true, false: false };
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : (words[text] ?? text);
  const wrong = compileSchema(Type.Object({ [name]: liveFields[name] }))({ [name]: value });
  if (wrong !== true) throw new BadArgument(wrong.map(({ field, message }) => `${field} ${message}`).join(", "));
  return value;
}

const settingsTable = ({ values, set }: LiveReport, names: readonly (keyof LiveChange)[]): string =>
  table(
    ["setting", "value", "from"],
    names.map((name) => [name, String(values[name]), set[name] === undefined ? "this node" : "set for all nodes"]),
  );

function spanOf(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
    ["s", 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0s";
  let left = seconds;
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return `${count}${unit}`;
  });
  return parts.join(" ");
}

const coloured = (report: string): string =>
  report
    .replace(
      /^( {2}I\d {2})(ok|RED)/gm,
      (_, id: string, state: string) => id + paint(state === "ok" ? "green" : "red", state),
    )
    .replace(/^I\d (?:could|does).*$/gm, (line) => paint("red", line));
