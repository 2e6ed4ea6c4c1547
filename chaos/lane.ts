import type { Socket } from "node:net";

/** Bytes, the orderly end of a connection, or its being broken off. */
export type Piece = Buffer | "end" | "reset";

export interface Gate {
  isShut(): boolean;
  delayMs(): number;
  /** The connection's being broken off has come through. */
  broken(): void;
}

/** How much may wait here; the sender is kept from sending more. */
const mostBytes = 1_000_000;

/** One way of a connection: what came in leaves in the same order, when the gate lets it. */
export class Lane {
  #from: Socket | null = null;
  #to: Socket | null = null;
  readonly #gate: Gate;
  readonly #waiting: { piece: Piece; dueMs: number }[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /** Who sends. */
  reads(from: Socket): void {
    this.#from = from;
  }

  /** Where it leads; until then everything waits. */
  opens(to: Socket): void {
    this.#to = to;
    to.on("drain", () => this.pump());
    this.pump();
  }

  put(piece: Piece): void {
    if (this.#closed) return;
    this.#waiting.push({ piece, dueMs: performance.now() + this.#gate.delayMs() });
    this.#bytes += sizeOf(piece);
    this.pump();
  }

  /** Lets go what may go. */
  pump(): void {
    if (this.#closed) return;
    for (let next = this.#next(); next !== null; next = this.#next()) this.#pass(next);
    if (this.#bytes > mostBytes || this.#to?.writableNeedDrain) this.#from?.pause();
    else this.#from?.resume();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #next(): Piece | null {
    const first = this.#waiting[0];
    if (this.#closed || !first || !this.#to || this.#to.writableNeedDrain || this.#gate.isShut()) return null;
    const early = first.dueMs - performance.now();
    if (early > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.pump();
      }, Math.ceil(early));
      return null;
    }
    this.#waiting.shift();
    this.#bytes -= sizeOf(first.piece);
    return first.piece;
  }

  #pass(piece: Piece): void {
    if (piece === "reset") this.#gate.broken();
    else if (piece === "end") this.#to?.end();
    else this.#to?.write(piece);
  }
}

const sizeOf = (piece: Piece): number => (typeof piece === "string" ? 0 : piece.length);
