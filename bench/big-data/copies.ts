import { lowestIdAt, timeOfId } from "../../lib/ids.ts";

// How a row that is there becomes a million like it: each of its columns as SQL over a number `n`.

/** What is copied, and what of it belongs to a person, who has several copies. */
export interface Copied {
  personId: string;
  email: string;
  /** Ids that stay what they are: of who does this for a living. */
  kept: readonly string[];
}

/** Copies are of another time, so that nothing is due and whoever lists the newest meets them last. */
const ageMs = 90 * 86_400_000;
const firstTimeMs = 1e12;
/** Ids that are made at once differ before these. */
const digits = 8;

const id = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|\b(?:ch|re)_[0-9a-f]{32}/g;
/** Nobody else may have the same, though they are no ids. */
const unique = new Set(["dedup_key", "request_digest"]);

/** `column`, whose value is `value`, of the copy of person `n`; `first`: what the first person's copy counts as. */
export function copyOf(
  column: string,
  value: string | number | null | undefined,
  { personId, email, kept }: Copied,
  first: number,
): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number") return String(value > firstTimeMs ? value - ageMs : value);
  const text = value;
  const numbered = (start: string, from: number): string => `${quoted(start)}, LPAD(n + ${from}, ${digits}, '0')`;
  if (unique.has(column)) return `CONCAT(${numbered(text.slice(0, -digits), first)})`;
  const parts: string[] = [];
  const people = new RegExp(`${email.replaceAll(".", "\\.")}|${id.source}`, "g");
  let from = 0;
  for (const { 0: found, index } of text.matchAll(people)) {
    if (kept.includes(found)) continue;
    if (index > from) parts.push(quoted(text.slice(from, index)));
    if (found === email) parts.push("'somebody-', n, '@example.com'");
    else parts.push(numbered(older(found).slice(0, -digits), found === personId ? 0 : first));
    from = index + found.length;
  }
  if (parts.length === 0) return quoted(text);
  if (from < text.length) parts.push(quoted(text.slice(from)));
  return `CONCAT(${parts.join(", ")})`;
}

/** As if it had been made then. */
function older(found: string): string {
  const timeLength = 14;
  if (found.includes("_")) return found;
  return lowestIdAt(timeOfId(found) - ageMs).slice(0, timeLength) + found.slice(timeLength);
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, (mark) => `\\${mark}`)}'`;
