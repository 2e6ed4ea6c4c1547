import { fork } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { FromGenerator, Job, Measured, ToGenerator } from "./generator/protocol.ts";

const script = resolve(import.meta.dirname, "generator/main.ts");

export interface Generator {
  /** Does a job; `onMark` is called when the time that is measured begins and when it ends. */
  run(job: Job, onMark?: (mark: "measuring" | "measured") => void): Promise<Measured>;
  stop(): Promise<void>;
}

export function startGenerator(): Generator {
  const child = fork(script, { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = once(child, "exit");
  return {
    run: (job, onMark) =>
      new Promise((done, failed) => {
        const settle = (how: () => void): void => {
          child.off("message", onMessage).off("exit", onExit);
          how();
        };
        const onMessage = (message: FromGenerator): void => {
          if ("mark" in message) onMark?.(message.mark);
          else if ("result" in message) settle(() => done(message.result));
          else settle(() => failed(new Error(`the generator failed: ${message.failed}`)));
        };
        const onExit = (): void => settle(() => failed(new Error("the generator's process ended")));
        child.on("message", onMessage).on("exit", onExit);
        child.send({ job } satisfies ToGenerator);
      }),
    async stop() {
      child.disconnect();
      await ended;
    },
  };
}
