import { uuidv7 } from "uuidv7";

/** A new UUIDv7: ordered by time of creation, so that an index grows at its end. */
export const newId = (): string => uuidv7();

export type NewId = typeof newId;
/** Milliseconds since the epoch. Time is an argument wherever a rule depends on it. */
export type Clock = () => number;
