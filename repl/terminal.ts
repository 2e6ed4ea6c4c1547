import type { Command } from "commander";
import type { Config } from "../config.ts";
import type { AppBroker, Bus, Identity } from "../contracts/bus.ts";
import { operator } from "./operator.ts";
import { visible } from "./table.ts";

/** Adds commands to the REPL. */
export type Register = (program: Command, terminal: Terminal) => void;

/** What commands work with: the running system as somebody may use it, and a place to print. */
export class Terminal {
  readonly broker: AppBroker;
  readonly config: Config;
  /** Whether what is printed is for a program. */
  json = false;
  /** Whether the command that runs has to be reported as failed, though it said all there is to say. */
  failed = false;
  /** Whether somebody sits there who can press Ctrl-C. */
  isInteractive = false;
  /** Ids that were shown, the newest last: what people type next. */
  readonly shownIds: string[] = [];
  private who: { identity: Identity; email: string } | null = null;
  private interruption = new AbortController();
  private readonly write: (text: string) => void;

  constructor(broker: AppBroker, config: Config, write: (text: string) => void) {
    this.broker = broker;
    this.config = config;
    this.write = write;
  }

  get identity(): Identity {
    return this.who?.identity ?? operator;
  }

  /** Whose name the prompt shows; null for the operator. */
  get email(): string | null {
    return this.who?.email ?? null;
  }

  /** Makes calls as this person from now on; as the operator again with null. */
  actAs(who: { identity: Identity; email: string } | null): void {
    this.who = who;
  }

  /** Calls as whoever the terminal acts as, within what they may do. */
  get bus(): Bus {
    return this.busAs(this.identity);
  }

  busAs(user: Identity, meta: { idempotencyKey?: string } = {}): Bus {
    const broker = this.broker as unknown as {
      call(name: string, params: unknown, options: object): Promise<never>;
    };
    return {
      call: (name, ...[params, options]) =>
        broker.call(name, params ?? {}, { ...options, meta: { user, ...meta, ...options?.meta } }),
    };
  }

  print(text: string): void {
    this.write(text);
  }

  /** A value as JSON for programs, or as text for people. */
  show(value: unknown, asText: () => string): void {
    this.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : asText());
  }

  /** One of many values that come one after another: a line each. */
  showNext(value: unknown, asText: () => string): void {
    this.write(this.json ? `${JSON.stringify(value)}\n` : asText());
  }

  remember(...ids: string[]): void {
    for (const id of ids) {
      const at = this.shownIds.indexOf(id);
      if (at >= 0) this.shownIds.splice(at, 1);
      this.shownIds.push(id);
    }
    this.shownIds.splice(0, Math.max(0, this.shownIds.length - mostShownIds));
  }

  /** Aborted when the person presses Ctrl-C while a command runs. */
  get interrupted(): AbortSignal {
    return this.interruption.signal;
  }

  interrupt(): void {
    this.interruption.abort();
  }

  /** Before each command. */
  begin(json: boolean): void {
    this.json = json;
    this.failed = false;
    this.interruption = new AbortController();
  }
}

const mostShownIds = 100;

/** Wrong in what the person typed: a sentence is all they need. */
export class BadArgument extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BadArgument";
  }
}

interface Wrong {
  field: string;
  message: string;
}

/** What went wrong in words, with each field that was. */
export function complaintOf(error: unknown): string {
  const { message = String(error), data } = (error ?? {}) as {
    message?: string;
    data?: Wrong[] | { errors?: Wrong[] };
  };
  // the validator's own errors bring the fields as they are, a refusal among other things
  const wrong = (Array.isArray(data) ? data : data?.errors) ?? [];
  if (wrong.length === 0) return visible(message);
  return wrong.map(({ field, message: why }) => visible(`${field} ${why}`)).join("\n");
}

export function wholeNumber(name: string, { min, max }: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new BadArgument(`${name} is "${text}", but must be a whole number from ${min} to ${max}`);
  };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const anId =
  (of: string) =>
  (text: string): string => {
    if (uuid.test(text)) return text.toLowerCase();
    throw new BadArgument(`"${text}" is no id of ${of}: ids look like 0198c0de-0000-7000-8000-000000000001`);
  };
