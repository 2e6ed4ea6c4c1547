import { randomUUID } from "node:crypto";
import type { RowDataPacket } from "mysql2/promise";
import { derivedKey } from "../../lib/secrets.ts";
import type { Journal, SandboxCharge } from "../../services/payments/providers/sandbox/api.ts";
import { sign, signatureHeader } from "../../services/payments/providers/sandbox/signature.ts";
import type { Site } from "../fault.ts";
import type { World } from "../world.ts";
import { tableOf } from "./messages.ts";
import { inDatabase, upNodes } from "./support.ts";

// The provider's messages as an unreliable, or false, provider would send them.

const withinMs = 5_000;

export interface Message {
  id: string;
  charge: SandboxCharge;
  /** `charge.<status>` of the charge when absent. */
  type?: string;
}

/** What the provider knows of our newest payments in this state. */
export async function newestCharges(
  world: World,
  status: "SUCCEEDED" | "PENDING",
  { limit, olderThanMs = 0 }: { limit: number; olderThanMs?: number },
): Promise<SandboxCharge[]> {
  const references = await inDatabase(world, async (connection) => {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT id FROM ${tableOf(world, "payments", "payments")} WHERE status = ? AND created_at < ? ORDER BY id DESC LIMIT ${limit}`,
      [status, Date.now() - olderThanMs],
    );
    return rows.map(({ id }) => String(id));
  });
  if (references.length === 0) return [];
  return (await ask<Journal>(world, "/journal", { references })).charges;
}

/** A request to the provider itself. */
export async function ask<T>({ sandbox }: World, path: string, body: object): Promise<T> {
  const response = await fetch(`${sandbox.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(withinMs),
  });
  if (!response.ok) throw new Error(`the sandbox answered ${response.status} to ${path}`);
  return (await response.json()) as T;
}

export const newMessageId = (): string => `evt_${randomUUID()}`;

/** Sends a message to one of the gateways that are up; answers with the status, null when there was no answer. */
export async function send(
  { world, random }: Site,
  { id, charge, type = `charge.${charge.status}` }: Message,
  secret = derivedKey(world.config, "sandbox-webhooks").toString("hex"),
): Promise<number | null> {
  const body = Buffer.from(JSON.stringify({ id, type, createdAt: Date.now(), data: charge }));
  const gateway = random.pick(upNodes(world).flatMap(({ url }) => url ?? []));
  return fetch(`${gateway}/api/v1/payments/webhooks/sandbox`, {
    method: "POST",
    headers: { "content-type": "application/json", [signatureHeader]: sign(body, secret, Date.now()) },
    body,
    signal: AbortSignal.timeout(withinMs),
  }).then(
    ({ status }) => status,
    () => null,
  );
}
