import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Ended } from "./script.ts";

const script = resolve(import.meta.dirname, "repl-process.ts");

export interface Ask {
  commands: readonly string[];
  json: boolean;
}

/** A REPL that is asked over and over, each time as if it had been started for these commands, which takes a second. */
export class ReplLines {
  private readonly env: Record<string, string | undefined>;
  private attached: { child: ChildProcess; ended: Promise<never> } | null = null;

  constructor(env: Record<string, string | undefined>) {
    this.env = env;
  }

  async run(ask: Ask): Promise<Ended> {
    if (!this.attached) await this.attach();
    return this.message<Ended>(() => this.attached?.child.send(ask));
  }

  /** The next commands are for another one. */
  stop(): void {
    this.attached?.child.kill("SIGKILL");
    this.attached = null;
  }

  private async attach(): Promise<void> {
    // what it prints comes with its answers, and must not be for a terminal
    const stdio = ["ignore", "ignore", "inherit", "ipc"] as const;
    await this.message(() => {
      const child = fork(script, { env: { ...process.env, ...this.env }, stdio: [...stdio] });
      const ended = once(child, "exit").then(([code]) => {
        throw new Error(`the REPL ended with ${String(code)}`);
      });
      ended.catch(() => undefined);
      this.attached = { child, ended };
    });
  }

  private async message<T>(ask: () => void): Promise<T> {
    ask();
    if (!this.attached) throw new Error("there is no REPL");
    const { child, ended } = this.attached;
    const listening = new AbortController();
    const message = once(child, "message", listening) as Promise<T[]>;
    message.catch(() => undefined);
    const [answer] = await Promise.race([message, ended]).finally(() => listening.abort());
    return answer as T;
  }
}
