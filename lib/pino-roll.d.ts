// pino-roll has no declarations.

declare module "pino-roll" {
  import type { EventEmitter } from "node:events";

  interface RollOptions {
    file: string;
    size?: string;
    frequency?: "daily" | "hourly" | number;
    dateFormat?: string;
    extension?: string;
  }

  /** A SonicBoom, which emits `ready` each time it has opened a file. */
  interface RollingFile extends EventEmitter {
    readonly file: string;
    write(text: string): boolean;
    flush(done?: (error?: Error) => void): void;
    end(): void;
  }

  export default function roll(options: RollOptions): Promise<RollingFile>;
}
