import { isOutage } from "./database-errors.ts";
import { groupCommit } from "./group-commit.ts";

/** Finds the same kind of thing for one caller after the other. */
export interface GroupReads<Key, Found> {
  find: (key: Key) => Promise<Found>;
  /** Resolves when everyone who asked has an answer; for when nobody asks any more. */
  stop: () => Promise<void>;
}

/** Statements with more than these would only be longer. */
const usuallyMost = 100;

/**
 * Lets callers share statements that read: those who come in the same moment, and those who come while a statement is
 * under way, who share the next one. It begins after the last of them has asked, so that everyone sees what was committed
 * before. `read` answers each key, in their order; `weigh`: how much of a statement a key takes, when not one.
 */
export function groupReads<Key, Found>(
  read: (keys: readonly Key[]) => Promise<readonly (Found | Error)[]>,
  weigh?: (key: Key) => number,
): GroupReads<Key, Found> {
  const { submit, stop } = groupCommit<Key, Found>({
    most: usuallyMost,
    ...(weigh ? { weight: { of: weigh, most: usuallyMost } } : {}),
    // whoever asks is one of the requests under way, which are counted where they come in
    longest: Infinity,
    run: read,
    isBlameless: isOutage,
  });
  return { find: submit, stop };
}
