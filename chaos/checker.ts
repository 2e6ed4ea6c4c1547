import type { Config } from "../config.ts";
import { messageOf } from "../lib/errors.ts";
import { delay } from "../lib/time.ts";
import type { Identity } from "./caller.ts";
import type { Catalogue } from "./catalogue.ts";
import { checkAccess, checkAnswers, checkFaults } from "./check-answers.ts";
import { askDoctor, checkRun } from "./check-doctor.ts";
import { checkLocks, checkMails, checkMoney, checkOrders, checkStock, type Counts } from "./check-orders.ts";
import {
  Auditor,
  chargesOf,
  lockCounts,
  storedMails,
  storedOrders,
  unitsOnHand,
  type StoredOrder,
} from "./evidence.ts";
import { figuresOf, type FaultFigures } from "./fault-figures.ts";
import type { History } from "./history.ts";
import type { NemesisEvent } from "./nemesis.ts";
import { successesNeeded } from "./recovery.ts";
import { comesToRest } from "./rest.ts";
import { Check, type Verdict } from "./verdict.ts";
import type { Crash, Planted } from "./world.ts";

/** What is checked: a system at rest, and what its clients and its enemies did. */
export interface Case {
  world: {
    gateways: readonly string[];
    config: Pick<Config, "store" | "orderTtlSeconds" | "loginFailuresPerAccount">;
    sandbox: { url: string };
    smtp: { counts: ReadonlyMap<string, number> };
    planted: readonly Planted[];
    crashes: readonly Crash[];
    isWhole(): Promise<boolean>;
  };
  load: { admin: Identity; catalogue: Catalogue; ratePerSecond: number; defects: readonly string[] };
  history: History;
  events: readonly NemesisEvent[];
  /** How often the doctor is asked before what it finds counts; 3 unless told. */
  doctorTries?: number;
  /** Told what is going on. */
  say?: (text: string) => void;
}

export interface Result {
  ok: boolean;
  verdicts: Verdict[];
  counts: Counts;
  figures: FaultFigures[];
  /** E-mails that arrived more than once, under one Message-ID. */
  mailsRepeated: number;
  mails: number;
}

const doctorPauseMs = 10_000;

/** Waits until every order has come to an end, then checks every invariant. */
export async function check(asked: Case): Promise<Result> {
  const { world, load, history, events, doctorTries = 3, say = () => undefined } = asked;
  const auditor = new Auditor(world.gateways, load.admin);
  say("waiting until all is quiet");
  const rest = await comesToRest({ world, auditor });
  say("asking the doctor");
  const doctor = await ask("I8", "The doctor answers", () => doctorsVerdicts(auditor, world.planted, doctorTries));
  say("reading all orders back");
  let stored = new Map<string, StoredOrder>();
  const read = await ask("I1", "All orders can be read back", async () => {
    stored = await storedOrders(auditor);
    return [];
  });
  const { verdicts: orders, counts } = checkOrders(history, stored);
  say("comparing money, stock and mail");
  const goods = load.catalogue.all;
  const skus = goods.map(({ sku }) => sku);
  const received = world.smtp.counts;
  const figures = figuresOf(history, events);
  const verdicts = [
    ...read,
    ...orders,
    ...(await ask("I3", "The provider's journal can be read", async () => {
      return checkMoney(stored, await chargesOf(world.sandbox.url));
    })),
    ...(await ask("I4", "The stock can be read", async () => {
      return checkStock(stored, goods, await unitsOnHand(auditor, skus));
    })),
    ...(await ask("I4", "The database can be asked about its locks", async () => {
      return checkLocks(await lockCounts(world.config.store));
    })),
    ...(await ask("I5", "The messages can be read", async () => {
      return checkMails(history, { stored: await storedMails(world.config.store), received });
    })),
    ...rest,
    ...doctor,
    ...checkAnswers(history, figures),
    ...checkFaults(figures, { rowMs: (successesNeeded * 1_000) / load.ratePerSecond }),
    ...checkAccess(history, { mostGuessesAllowed: world.config.loginFailuresPerAccount }),
    ...checkRun({ crashes: world.crashes.map(textOf), defects: load.defects }),
  ].toSorted((a, b) => numberOf(a) - numberOf(b));
  return {
    ok: verdicts.every(({ ok }) => ok),
    verdicts,
    counts,
    figures,
    mails: received.size,
    mailsRepeated: [...received.values()].filter((times) => times > 1).length,
  };
}

/** What cannot be asked about is red; the other checks go on. */
async function ask(id: string, title: string, work: () => Promise<Verdict[]>): Promise<Verdict[]> {
  try {
    return await work();
  } catch (error) {
    const check = new Check(id, title);
    check.see(1);
    check.violated(messageOf(error));
    return [check.verdict];
  }
}

/** I1, I2 … I11, then what is about the run. */
const numberOf = ({ id }: Verdict): number => (id === "run" ? 99 : Number(id.slice(1)));

const textOf = ({ node, atMs, output }: Crash): string => `${node} at ${new Date(atMs).toISOString()}: ${output}`;

/** What is red once more after a pause is red. */
async function doctorsVerdicts(auditor: Auditor, planted: readonly Planted[], tries: number): Promise<Verdict[]> {
  for (let attempt = 1; ; attempt += 1) {
    const verdicts = await askDoctor(auditor, planted);
    if (attempt === tries || verdicts.every(({ ok }) => ok)) return verdicts;
    await delay(doctorPauseMs);
  }
}
