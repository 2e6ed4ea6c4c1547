import { flushCompileCache } from "node:module";
import type { Config } from "../config.ts";
import type { AppBroker } from "../contracts/bus.ts";
import { createNode, type Node } from "../lib/node.ts";
import { holdReadiness } from "../lib/readiness.ts";
import { delay } from "../lib/time.ts";
import { sentenceOf } from "./run-script.ts";

const readyWithinMs = 60_000;
/** A node that is told to stop ends after this long at the latest. */
export const stopWithinMs = 10_000;
// Ctrl-C reaches a process started by npm twice: from the terminal, and passed on by npm
const sameSignalMs = 500;
const startGraceMs = 2_000;

/**
 * Runs one node until it is told to stop; `whenReady` is called once all its services answer. Ends the process: with 0
 * after an orderly stop, with 1 when it could not start, failed, or did not stop in time.
 */
export async function runNode(
  config: Config,
  whenReady: (broker: AppBroker, end: () => Promise<void>) => Promise<void>,
): Promise<void> {
  let node: Node | null = null;
  let stopping: { code: number; sinceMs: number } | null = null;

  const start = async (): Promise<void> => {
    node = await createNode(config);
    if (stopping) return;
    const release = holdReadiness(node.broker, "first start");
    await node.start();
    if (stopping) return;
    await node.broker.waitForServices([...config.services], readyWithinMs);
    await whenReady(node.broker, () => end(0));
    // for the next node, even if this one is killed
    flushCompileCache();
    release();
  };

  const end = async (code: number): Promise<void> => {
    if (stopping) return;
    stopping = { code, sinceMs: Date.now() };
    setTimeout(() => {
      say(`what was under way did not finish within ${stopWithinMs / 1000} s; ending anyway`);
      process.exit(1);
    }, stopWithinMs).unref();
    // a start may be waiting for other nodes, so the stop does not wait for it long
    await Promise.race([starting, delay(startGraceMs)]);
    await node?.stop();
    process.exit(code);
  };
  const fail = (error: unknown): void => {
    if (stopping === null) say(sentenceOf(error));
    void end(1).catch(giveUp);
  };

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping && Date.now() - stopping.sinceMs > sameSignalMs) process.exit(1);
      void end(0).catch(giveUp);
    });
  }
  process.on("unhandledRejection", fail);
  process.on("uncaughtException", fail);

  const starting = start().catch(fail);
  await starting;
}

function giveUp(error: unknown): void {
  say(sentenceOf(error));
  process.exit(1);
}

const say = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
