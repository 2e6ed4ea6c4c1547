import type { OrderStatus } from "../../contracts/orders.ts";
import { subscriptions } from "../../contracts/events.ts";
import { transitions } from "../../services/orders/order.ts";
import { arrow, box, picture, words } from "./svg.ts";

const size = { width: 128, height: 52 };

const at: Record<OrderStatus, { x: number; y: number }> = {
  CREATED: { x: 20, y: 120 },
  PAID: { x: 250, y: 120 },
  SHIPPED: { x: 480, y: 120 },
  COMPLETED: { x: 710, y: 120 },
  EXPIRED: { x: 135, y: 20 },
  CANCELLED: { x: 20, y: 232 },
  REFUNDED: { x: 480, y: 232 },
};

const eventOf = (status: OrderStatus): string => `order.${status.toLowerCase()}`;

/** Who hears that an order became this. */
const heardBy = (status: OrderStatus): string =>
  Object.entries(subscriptions)
    .filter(([, types]) => (types as readonly string[]).includes(eventOf(status)))
    .map(([consumer]) => consumer)
    .join(", ");

/** An order's statuses, the steps between them, and who is told of each. */
export function orderPicture(): string {
  const statuses = Object.keys(transitions) as OrderStatus[];
  const steps = statuses.flatMap((from) => transitions[from].map((to) => [from, to] as const));
  return picture(860, 310, "The journey of an order", [
    ...steps.map(([from, to]) => stepBetween(from, to)),
    ...statuses.map((status) => box({ ...at[status], ...size, title: status, notes: [`tells ${heardBy(status)}`] })),
    words({ x: 400, y: 30 }, "EXPIRED becomes PAID when late money comes and the stock could be held again"),
    words({ x: 400, y: 46 }, "each step is one transaction: order, history, event, stored answer"),
  ]);
}

/** Between the sides of two boxes that look at each other. */
function stepBetween(from: OrderStatus, to: OrderStatus): string {
  const [a, b] = [at[from], at[to]];
  const across = Math.sign(b.x - a.x);
  const down = Math.sign(b.y - a.y);
  const sideways = across !== 0 && down === 0;
  return arrow(
    {
      x: a.x + size.width / 2 + (across * size.width) / (sideways ? 2 : 4),
      y: a.y + size.height / 2 + (sideways ? 0 : (down * size.height) / 2),
    },
    {
      x: b.x + size.width / 2 - (across * size.width) / (sideways ? 2 : 4),
      y: b.y + size.height / 2 - (sideways ? 0 : (down * size.height) / 2),
    },
  );
}
