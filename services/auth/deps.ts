import type { Revocation } from "../../contracts/auth.ts";
import type { Bus } from "../../contracts/bus.ts";
import type { LiveValues } from "../../contracts/settings.ts";
import type { AuditLog, Caller } from "../../lib/audit-log.ts";
import type { Clock, NewId } from "../../lib/ids.ts";
import type { DerivedKeys } from "../../lib/secrets.ts";
import type { AttemptsRepository } from "./attempts.repository.ts";
import type { KeyRing } from "./key-ring.ts";
import type { ResetsRepository } from "./resets.repository.ts";
import type { SessionsRepository } from "./sessions.repository.ts";

/** What the use cases of auth work with. */
export interface Deps {
  bus: Bus;
  /** How many attempts are allowed now. */
  limits: () => LiveValues;
  sessions: SessionsRepository;
  attempts: AttemptsRepository;
  resets: ResetsRepository;
  keyRing: KeyRing;
  /** The first makes the successors of refresh tokens. */
  refreshKeys: DerivedKeys;
  /** Tells every gateway at once; one that misses it asks for revocations by their sequence. */
  announce: (revocations: readonly Revocation[]) => void;
  audit: AuditLog;
  /** On whose behalf this is. */
  caller: Caller;
  now: Clock;
  newId: NewId;
}

/** Hashing a password takes its time when many do it at once. */
export const passwordTimeout = { timeout: 10_000 };
