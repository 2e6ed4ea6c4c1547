import { uuidv7 } from "uuidv7";

/** A new UUIDv7: ordered by time of creation, so that an index grows at its end. */
export const newId = (): string => uuidv7();

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
