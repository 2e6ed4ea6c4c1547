import { parseArgs } from "node:util";
import { Storms, type Storm, type StormSizes } from "../chaos/storms.ts";
import { startWorld } from "../chaos/world.ts";
import { messageOf } from "../lib/errors.ts";
import { delay } from "../lib/time.ts";
import { ScriptError } from "./rest-client.ts";
import { runScript } from "./run-script.ts";

// `npm run storms`: a great many requests for few units, for one order and of one charge, over two nodes of its own. Exit
// code 0 only when each had the one effect it may have.

const usual: StormSizes = { rounds: 20, buyers: 10_000, units: 100, copies: 10_000 };
const wholeWithinMs = 120_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

await runScript(async () => {
  const sizes = readSizes(process.argv.slice(2));
  say("starting servers and two nodes");
  const world = await startWorld({ nodes: 2, spares: 0, orderTtlSeconds: 900 });
  let problems: number;
  try {
    const deadline = Date.now() + wholeWithinMs;
    while (!(await world.isWhole())) {
      if (Date.now() > deadline) throw new ScriptError(`the nodes were not ready within ${wholeWithinMs / 1_000} s`);
      await delay(100);
    }
    const storms = await Storms.open(world);
    problems =
      tell(await storms.buyers(sizes)) + tell(await storms.sameKeys(sizes)) + tell(await storms.webhooks(sizes));
    const findings = await storms.findings();
    say(findings.length === 0 ? "the doctor finds nothing" : `the doctor finds\n  ${findings.join("\n  ")}`);
    problems += findings.length;
  } finally {
    await world.stop();
  }
  if (problems > 0) process.exitCode = 1;
});

function tell({ name, requests, seconds, effect, problems }: Storm): number {
  const outcome = problems.length === 0 ? effect : `NOT ${effect}:\n  ${problems.join("\n  ")}`;
  say(`${name}: ${outcome} (${requests} requests in ${seconds.toFixed(1)} s)`);
  return problems.length;
}

function readSizes(args: string[]): StormSizes {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({ args, options: { rounds: text, buyers: text, units: text, copies: text } });
    const of = (name: keyof StormSizes): number => {
      const value = values[name] ?? String(usual[name]);
      if (!/^[1-9]\d{0,6}$/.test(value)) throw new Error(`--${name} is "${value}", but must be a whole number from 1`);
      return Number(value);
    };
    const sizes = { rounds: of("rounds"), buyers: of("buyers"), units: of("units"), copies: of("copies") };
    if (sizes.units > sizes.buyers) throw new Error("--units must not be more than --buyers");
    return sizes;
  } catch (error) {
    throw new ScriptError(messageOf(error));
  }
}
