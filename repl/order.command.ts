import { inspect } from "node:util";
import type { Command } from "commander";
import type { ServiceBroker } from "moleculer";
import type { Bus } from "../contracts/bus.ts";

/** `order <id>`: an order, all that happened to it, its payments, and the stock it holds. */
export function orderCommand(program: Command, broker: ServiceBroker): void {
  program
    .command("order <id>")
    .description("Show an order, what happened to it, its payments and the stock it holds")
    .action(async (id: string) => {
      const bus = broker as unknown as Bus;
      const [order, timeline, payments, reservation] = await Promise.all([
        bus.call("orders.get", { id }),
        bus.call("orders.timeline", { id }),
        bus.call("orders.payments", { id }),
        bus.call("inventory.reservation", { orderId: id }),
      ]);
      const view = { order, timeline: timeline.items, payments: payments.items, reservation };
      console.log(inspect(view, { depth: 6, colors: process.stdout.isTTY === true }));
    });
}
