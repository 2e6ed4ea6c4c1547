import { readFile } from "node:fs/promises";
import type { Config } from "../config.ts";
import { SomeLiveValues, type LiveValues } from "../contracts/settings.ts";
import { messageOf } from "./errors.ts";
import { Poller } from "./poller.ts";
import { compileSchema } from "./validator.ts";

export type LayerName = "file" | "set";
type Listener = (values: LiveValues) => void;

/** The settings of a node that change while it runs: those of its start, under those of a file, under those set for all. */
export interface LiveSettings {
  readonly values: LiveValues;
  /** Called with the values now, and after each change. */
  follow(listener: Listener): void;
  lay(name: LayerName, values: SomeLiveValues): void;
}

export function liveSettings(config: Config): LiveSettings {
  const start: LiveValues = {
    logLevel: config.log.level,
    rateLimit: config.rateLimit,
    registerRateLimit: config.registerRateLimit,
    loginFailuresPerAddress: config.loginFailuresPerAddress,
    loginFailuresPerAccount: config.loginFailuresPerAccount,
    orderTtlSeconds: config.orderTtlSeconds,
    traceSampleRatio: config.tracing?.sampleRatio ?? 0,
    ordersOpen: true,
    registrationOpen: true,
  };
  const layers: Record<LayerName, SomeLiveValues> = { file: {}, set: {} };
  const listeners: Listener[] = [];
  let values = start;
  return {
    get values() {
      return values;
    },
    follow(listener) {
      listeners.push(listener);
      listener(values);
    },
    lay(name, layer) {
      if (JSON.stringify(layers[name]) === JSON.stringify(layer)) return;
      layers[name] = layer;
      values = { ...start, ...layers.file, ...layers.set };
      for (const listener of listeners) listener(values);
    },
  };
}

const settingsOfBrokers = new WeakMap<object, LiveSettings>();

export const attachLiveSettings = (broker: object, live: LiveSettings): void =>
  void settingsOfBrokers.set(broker, live);

export function liveOf(broker: object): LiveSettings {
  const live = settingsOfBrokers.get(broker);
  if (!live) throw new Error("this broker was not made by brokerOptions()");
  return live;
}

const checkSome = compileSchema(SomeLiveValues);

/** The settings in a file's text; throws a sentence that names each field that is wrong. */
export function parseLiveSettings(text: string): SomeLiveValues {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON: ${messageOf(error)}`);
  }
  const wrong = checkSome(values);
  if (wrong !== true) throw new Error(wrong.map(({ field, message }) => `${field} ${message}`).join(", "));
  return values as SomeLiveValues;
}

const lookEveryMs = 400;

interface Sources {
  live: LiveSettings;
  file: string | null;
  /** What was set for all nodes; rejects while nobody can be asked. */
  ask: () => Promise<SomeLiveValues>;
  log: { info(what: string, fields: object): void; warn(what: string, fields: object): void };
}

/**
 * Looks for changes more than twice a second, and keeps what was good when it finds something wrong. A file is read anew
 * instead of watched: where it is a mounted one, its folder changes and not the file.
 */
export function followSettings({ live, file, ask, log }: Sources): Poller {
  let lastText: string | null = null;
  let complaint = "";
  const readAnew = async (path: string): Promise<void> => {
    try {
      const text = await readFile(path, "utf8");
      if (text === lastText) return;
      lastText = text;
      live.lay("file", parseLiveSettings(text));
      complaint = "";
      log.info("settings read", { file: path });
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== complaint) log.warn("settings refused; the old ones stay", { file: path, problem });
      complaint = problem;
    }
  };
  return new Poller({
    name: "live settings",
    idleMs: lookEveryMs,
    async pass() {
      await Promise.all([
        file === null ? null : readAnew(file),
        // a node that cannot ask goes on with what it knows
        ask().then(
          (set) => live.lay("set", set),
          () => undefined,
        ),
      ]);
      return false;
    },
    onError: (error) => log.warn("settings cannot be followed", { problem: messageOf(error) }),
  });
}
