import type { RowDataPacket } from "mysql2/promise";
import { newId } from "../../lib/ids.ts";
import { delay } from "../../lib/time.ts";
import { ScriptError } from "../../scripts/rest-client.ts";
import type { World } from "../world.ts";

/** An order of which there are to be many. */
export interface Template {
  /** What its rows are about: the order, its payment, and the charge of it. */
  subjects: string[];
}

const sentWithinMs = 60_000;

/** Somebody with an order of each kind: received, paid, sent and returned in part, cancelled, and cancelled after it was paid. */
export async function makeTemplates(
  world: World,
): Promise<{ person: { id: string; email: string }; templates: Template[] }> {
  const { rest, products } = world;
  const email = "somebody@example.com";
  const admin = await world.adminToken();
  const { body: session } = await rest.send<{ accessToken: string; user: { id: string } }>("/auth/register", {
    method: "POST",
    body: { email, password: "correct horse battery", name: "Somebody" },
  });
  const post = async <T>(path: string, body: object, token = session.accessToken): Promise<T> =>
    (await rest.send<T>(path, { method: "POST", body, token, headers: { "idempotency-key": newId() } })).body;
  const items = products.slice(0, 2).map((sku) => ({ sku, quantity: 1 }));

  const make = async (...steps: ("pay" | "ship" | "complete" | "refund" | "cancel")[]): Promise<Template> => {
    const { id } = await post<{ id: string }>("/orders", { items });
    const subjects = [id];
    for (const step of steps) {
      const path = `/orders/${id}/${step}`;
      if (step === "pay") {
        const paid = await post<{ id: string; providerRef: string }>(path, { method: "card", token: "tok_ok" });
        subjects.push(paid.id, paid.providerRef);
      } else if (step === "ship") await post(path, { carrier: "Post", trackingNumber: "1" }, admin);
      else if (step === "refund") await post(path, { amountCents: 1, reason: "scratched" }, admin);
      else await post(path, {});
      await world.settle();
    }
    return { subjects };
  };
  const templates = [
    await make("pay", "ship", "complete"),
    await make("pay"),
    await make("pay", "ship", "refund"),
    await make("cancel"),
    await make("pay", "cancel"),
  ];
  await sent(world);
  return { person: { id: session.user.id, email }, templates };
}

/** Until no message and no refund is under way any more: what is copied is at rest. */
async function sent(world: World): Promise<void> {
  const deadline = Date.now() + sentWithinMs;
  for (;;) {
    await world.settle();
    const [rows] = await world.database.query<RowDataPacket[]>(
      `SELECT (SELECT COUNT(*) FROM hub_notify.deliveries WHERE status = 'PENDING')
         + (SELECT COUNT(*) FROM hub_orders.refunds WHERE status = 'REQUESTED') AS underway`,
    );
    if (Number(rows[0]?.underway) === 0) return;
    if (Date.now() > deadline)
      throw new ScriptError(`messages or refunds were under way after ${sentWithinMs / 1_000} s`);
    await delay(100);
  }
}
