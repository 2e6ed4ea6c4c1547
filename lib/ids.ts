import { randomFillSync } from "node:crypto";
import { V7Generator } from "uuidv7";

/** In blocks: asking the system for a few bytes takes longer than the rest of an id. */
const random = new Uint32Array(1_024);
let used = random.length;

function nextUint32(): number {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  return random[used++] as number;
}

const generator = new V7Generator({ nextUint32 });
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A new UUIDv7: ordered by time of creation, so that an index grows at its end. */
export function newId(): string {
  const { bytes } = generator.generate();
  let id = "";
  for (let i = 0; i < 16; i += 1) {
    id += hex[bytes[i] as number];
    if (i === 3 || i === 5 || i === 7 || i === 9) id += "-";
  }
  return id;
}

/** No id that was made at this time or later is smaller. */
export function lowestIdAt(ms: number): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

/** When an id was made. */
export const timeOfId = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

export type NewId = typeof newId;
/** Milliseconds since the epoch. Time is an argument wherever a rule depends on it. */
export type Clock = () => number;
