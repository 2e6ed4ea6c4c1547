import type { ServiceName } from "../../contracts/bus.ts";
import { delay } from "../../lib/time.ts";
import type { Bench } from "../measure.ts";
import { closed } from "../scenarios/scenario.ts";
import type { World } from "../world.ts";

/** What `docs/reliability.md` promises in numbers, beside what a chaos run judges. */
export interface Recovery {
  /** From the start of the process of a node with every service until it serves: the slowest of some. */
  joinMs: number;
  /** Resident memory of nodes with one service, once they are idle. */
  oneService: { name: ServiceName; rssMb: number }[];
  /** Orders that were taken while RabbitMQ was away, their events, and how long those took once it was back. */
  away: { orders: number; events: number; seconds: number };
}

const joins = 3;
const alone: readonly ServiceName[] = ["gateway", "orders", "notify"];
const awayEvents = 10_000;
const clients = 64;
const drainsWithinMs = 180_000;

export async function recovery({ world }: Bench): Promise<Recovery> {
  let joinMs = 0;
  for (let i = 0; i < joins; i += 1) joinMs = Math.max(joinMs, (await world.join([])).readyMs);
  const oneService: Recovery["oneService"] = [];
  for (const name of alone) oneService.push({ name, rssMb: (await world.join([name])).rssMb });
  return { joinMs, oneService, away: await away(world) };
}

async function away(world: World): Promise<Recovery["away"]> {
  await world.settle();
  await world.rabbitmq.kill();
  let orders = 0;
  while ((await world.behind()) < awayEvents) {
    const { placed } = await world.generator.run({
      urls: world.urls,
      work: { kind: "place", tokens: await world.tokens(), skus: world.products, lines: 2 },
      load: closed(clients),
      warmMs: 0,
      measureMs: 2_000,
      seed: 1 + orders,
    });
    orders += placed.length;
  }
  const events = await world.behind();
  await world.rabbitmq.restart();
  const startedAt = performance.now();
  // what has left an outbox is in inboxes next
  while ((await world.behind()) > 0 && performance.now() - startedAt < drainsWithinMs) await delay(50);
  return { orders, events, seconds: (performance.now() - startedAt) / 1_000 };
}
