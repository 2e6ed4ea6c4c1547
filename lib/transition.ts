import { DomainError } from "./errors.ts";

/** Which statuses may follow which. The compiler completes it; a test walks it. */
export type Transitions<S extends string> = Record<S, readonly S[]>;

/** Refuses a step the table does not hold, with the code `<what>_ILLEGAL_TRANSITION`. */
export function assertTransition<S extends string>(
  what: "ORDER" | "RESERVATION",
  table: Transitions<S>,
  from: S,
  to: S,
): void {
  if (table[from].includes(to)) return;
  throw new DomainError("conflict", `${what}_ILLEGAL_TRANSITION`, `${from} cannot become ${to}.`, {
    [`${what.toLowerCase()}Status`]: from,
    wanted: to,
  });
}
