import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Bus } from "../contracts/bus.ts";
import { secretFile } from "../lib/data-dir.ts";

const fileName = "admin-password";

/**
 * Creates the first administrator where there is none, with ADMIN_PASSWORD or a generated password that is kept in the
 * data directory. Answers with how to sign in; a generated password is told only when the account is new.
 */
export async function ensureAdmin(bus: Bus, { admin, dataDir }: Config): Promise<string> {
  const { email } = admin;
  if (admin.password !== null) {
    await bus.call("users.ensureAdmin", { email, password: admin.password });
    return `${email}, with ADMIN_PASSWORD`;
  }
  const path = join(dataDir, fileName);
  const { value, created } = secretFile(dataDir, fileName, () => randomBytes(18).toString("base64url"));
  const isNew = await bus.call("users.ensureAdmin", { email, password: value });
  if (isNew) return `${email}, password ${value} (not shown again; kept in ${path})`;
  if (!created) return `${email}, password in ${path}`;
  // the accounts are older than this data directory, so the password just generated opens none of them
  rmSync(path);
  return "an administrator exists already; the password is not known here";
}
