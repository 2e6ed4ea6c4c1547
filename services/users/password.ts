import { hash, verify } from "@node-rs/argon2";
import { DomainError } from "../../lib/errors.ts";
import { commonPasswords } from "./common-passwords.ts";

// argon2id with what OWASP's password storage cheat sheet asks for: 19 MiB, two passes, one lane.
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** The hash of no password anybody has, made with the same cost; it takes as long to compare with as a real one. */
let nobodys: Promise<string> | undefined;

export const hashPassword = (password: string): Promise<string> => hash(comparable(password), cost);

/** Whether a password is the one behind `stored`. Takes as long when there is none, or one that nothing can match. */
export async function passwordMatches(password: string, stored: string | null): Promise<boolean> {
  const usable = stored?.startsWith("$argon2id$") ? stored : null;
  nobodys ??= hash("", cost);
  const matches = await verify(usable ?? (await nobodys), comparable(password));
  return matches && usable !== null;
}

/** Refuses what an attacker tries first. `field` is the input's name for it. */
export function assertStrong(password: string, email: string, field: "password" | "newPassword"): void {
  const tried = comparable(password).toLowerCase();
  const [localPart] = email.split("@");
  const guessable = commonPasswords.has(tried) || tried === email || tried === localPart || /^(.)\1*$/su.test(tried);
  if (!guessable) return;
  const message = "This password is easily guessed; choose another one.";
  throw new DomainError("invalid", "WEAK_PASSWORD", message, { errors: [{ field, code: "WEAK_PASSWORD", message }] });
}

/** The same characters, typed on another system, may come composed otherwise. */
const comparable = (password: string): string => password.normalize("NFKC");
