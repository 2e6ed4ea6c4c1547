import { serviceNames } from "../../contracts/bus.ts";
import { subscriptions } from "../../contracts/events.ts";
import { arrow, box, picture, words } from "./svg.ts";

const columns = { width: 104, gap: 14, left: 20 };

/** Who owns the events whose types begin like this. */
const ownerOf: Record<string, string> = { user: "users", order: "orders", payment: "payments" };

/** Clients, the gateway, every service with its database, and who hears of whose events. */
export function systemPicture(): string {
  const services = serviceNames.filter((name) => name !== "gateway");
  const width = columns.left * 2 + services.length * (columns.width + columns.gap) - columns.gap;
  const xOf = (name: string): number =>
    columns.left + services.findIndex((one) => one === name) * (columns.width + columns.gap);
  const middleOf = (name: string): number => xOf(name) + columns.width / 2;
  const gateway = { x: columns.left, y: 84, width: width - columns.left * 2, height: 44 };
  const top = 178;

  const heard = Object.entries(subscriptions).flatMap(([consumer, types]) =>
    [...new Set(types.map((type) => ownerOf[type.split(".")[0] ?? ""] ?? ""))].map((owner) => ({ owner, consumer })),
  );
  const events = heard
    .filter(({ owner, consumer }) => owner !== consumer)
    .map(({ owner, consumer }) => {
      const right = middleOf(consumer) > middleOf(owner);
      return arrow(
        { x: middleOf(owner) + (right ? 14 : -14), y: top + 108 },
        { x: middleOf(consumer) + (right ? -14 : 14), y: top + 110 },
        { quiet: true, bend: (right ? 1 : -1) * (28 + Math.abs(middleOf(consumer) - middleOf(owner)) / 7) },
      );
    });
  return picture(width, 380, "The parts of EnterpriseHub", [
    box({ x: columns.left, y: 16, width: 240, height: 40, title: "shop, console, other clients" }),
    box({ x: width - columns.left - 240, y: 16, width: 240, height: 40, title: "payment providers" }),
    arrow({ x: columns.left + 120, y: 56 }, { x: columns.left + 120, y: 82 }),
    arrow({ x: width - columns.left - 120, y: 56 }, { x: width - columns.left - 120, y: 82 }),
    words({ x: columns.left + 130, y: 73 }, "REST, event streams"),
    words({ x: width - columns.left - 130, y: 73 }, "webhooks", "end"),
    box({
      ...gateway,
      title: "gateway",
      notes: ["authentication, limits, OpenAPI; calls services in this process, or over NATS"],
    }),
    ...services.map((name) => arrow({ x: middleOf(name), y: 128 }, { x: middleOf(name), y: top - 2 })),
    ...services.map((name) => box({ x: xOf(name), y: top, width: columns.width, height: 44, title: name })),
    ...services.map((name) => arrow({ x: middleOf(name), y: top + 44 }, { x: middleOf(name), y: top + 64 })),
    ...services.map((name) =>
      box({ x: xOf(name), y: top + 66, width: columns.width, height: 40, title: "database", notes: [`hub_${name}`] }),
    ),
    ...events,
    words(
      { x: width / 2, y: 368 },
      "dashed: events, from the outbox in one database to the inbox in another, over RabbitMQ or in process",
      "middle",
    ),
  ]);
}
