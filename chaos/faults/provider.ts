import { randomBytes } from "node:crypto";
import type { Fault } from "../fault.ts";
import type { World } from "../world.ts";
import { killed, nothingToHeal, onAllLinks, ordinary, paused } from "./support.ts";
import { ask, newestCharges, newMessageId, send } from "./webhooks.ts";

/** Placing needs no provider, and a payment that hangs is answered with 202. */
const limits = { ...ordinary, placedPercent: 99, servesWithinMs: 4_000 };
const sandbox = ({ sandbox: provider }: World): World["sandbox"] => provider;
const isCharge = /^POST \/charges/;

const httpAnswer = (status: string, headers: readonly string[] = []): Buffer => {
  const body = JSON.stringify({ code: "chaos" });
  const head = [`HTTP/1.1 ${status}`, "content-type: application/json", `content-length: ${body.length}`];
  return Buffer.from([...head, ...headers, "connection: close", "", body].join("\r\n"));
};

export const providerFaults: readonly Fault[] = [
  {
    name: "provider killed",
    about: "The payment provider ends by SIGKILL, and is started again with its books.",
    targets: ["provider"],
    limits,
    holdMs: [500, 5_000],
    weight: 2,
    inject: killed(sandbox),
  },
  {
    name: "provider paused",
    about: "The payment provider takes requests and does not answer; then it answers all of them.",
    targets: ["provider"],
    limits,
    holdMs: [2_000, 12_000],
    inject: paused(sandbox),
  },
  {
    name: "provider slow",
    about: "The way to the provider and back takes some seconds.",
    targets: ["provider"],
    limits,
    holdMs: [2_000, 8_000],
    inject: ({ world, random }) => onAllLinks(world, "sandbox", { kind: "latency", ms: random.int(250, 3_000) }),
  },
  {
    name: "provider answers 429",
    about: "The provider takes no more requests.",
    targets: ["provider"],
    limits,
    holdMs: [1_000, 5_000],
    inject: ({ world }) =>
      onAllLinks(world, "sandbox", { kind: "answer", bytes: httpAnswer("429 Too Many Requests", ["retry-after: 1"]) }),
  },
  {
    name: "provider answers 500",
    about: "The provider fails before it does anything.",
    targets: ["provider"],
    limits,
    holdMs: [1_000, 5_000],
    inject: ({ world }) =>
      onAllLinks(world, "sandbox", { kind: "answer", bytes: httpAnswer("500 Internal Server Error") }),
  },
  {
    name: "provider answer lost",
    about: "The provider charges, and its answer does not arrive.",
    targets: ["provider"],
    limits,
    holdMs: [1_000, 5_000],
    weight: 2,
    inject: ({ world }) =>
      onAllLinks(world, "sandbox", {
        kind: "lose",
        side: "replies",
        of: isCharge,
        share: 0.5,
      }),
  },
  {
    name: "webhooks before the answer",
    about: "The provider's answers wait on their way, while its webhooks arrive.",
    targets: ["provider", "load"],
    limits,
    holdMs: [1_000, 4_000],
    async inject({ world, load, random }) {
      const heal = await onAllLinks(world, "sandbox", { kind: "hold", sides: ["replies"] });
      await load.payWith("tok_duplicate", random.int(5, 15));
      return heal;
    },
  },
  {
    name: "webhooks late",
    about: "The provider cannot reach us, and sends its webhooks later.",
    targets: ["provider", "load"],
    limits,
    holdMs: [2_000, 6_000],
    async inject({ world, load, random }) {
      await world.front.set({ kind: "refuse" });
      await load.payWith("tok_async_ok", random.int(5, 15));
      return () => world.front.set({ kind: "pass" });
    },
  },
  {
    name: "webhooks twenty times",
    about: "The provider says twenty times at once, to all gateways, what it said before.",
    targets: ["nodes", "database"],
    limits,
    holdMs: [0, 500],
    weight: 2,
    async inject(site) {
      const charges = await newestCharges(site.world, "SUCCEEDED", { limit: 5 });
      site.note(`${charges.length} messages`);
      const messages = charges.map((charge) => ({ id: newMessageId(), charge }));
      await Promise.all(messages.flatMap((message) => Array.from({ length: 20 }, () => send(site, message))));
      return nothingToHeal;
    },
  },
  {
    name: "webhooks out of order",
    about: "After a charge has ended, the provider says again that it was pending, and only then how it ended.",
    targets: ["nodes", "database"],
    limits,
    holdMs: [0, 500],
    async inject(site) {
      const charges = await newestCharges(site.world, "SUCCEEDED", { limit: 10 });
      site.note(`${charges.length} payments`);
      for (const charge of charges) {
        await send(site, { id: newMessageId(), charge: { ...charge, status: "pending" } });
        await send(site, { id: newMessageId(), charge });
      }
      return nothingToHeal;
    },
  },
  {
    name: "webhooks with another amount",
    about: "The provider says of payments that were settled that they were of another amount.",
    targets: ["nodes", "database"],
    limits,
    holdMs: [0, 500],
    async inject(site) {
      const [charge] = await newestCharges(site.world, "SUCCEEDED", { limit: 1 });
      if (!charge) return nothingToHeal;
      const id = newMessageId();
      const status = await send(site, { id, charge: { ...charge, amountCents: charge.amountCents + 1 } });
      if (status === 200) {
        const fault = "webhooks with another amount";
        site.world.planted.push({ fault, kind: "provider-event", where: "sandbox", id });
      }
      site.note(`answered ${status}`);
      return nothingToHeal;
    },
  },
  {
    name: "webhooks with a wrong signature",
    about: "Somebody who does not know the secret says that payments failed.",
    targets: ["nodes", "database"],
    limits,
    holdMs: [0, 500],
    async inject(site) {
      const charges = await newestCharges(site.world, "SUCCEEDED", { limit: 5 });
      const secret = randomBytes(32).toString("hex");
      for (const charge of charges) {
        const status = await send(site, { id: newMessageId(), charge: { ...charge, status: "failed" } }, secret);
        if (status !== null && status < 300) throw new Error(`a message with a wrong signature was answered ${status}`);
      }
      return nothingToHeal;
    },
  },
  {
    name: "webhooks after expiry",
    about: "People approve payments of orders that have expired; others are left waiting, for the next time.",
    targets: ["provider", "database", "load"],
    limits,
    holdMs: [0, 500],
    weight: 2,
    async inject({ world, load, random, note }) {
      const olderThanMs = (world.config.orderTtlSeconds + 1) * 1_000;
      const charges = await newestCharges(world, "PENDING", { limit: 100, olderThanMs });
      const waiting = charges.filter(({ needsApproval, status }) => needsApproval && status === "pending");
      note(`${waiting.length} approvals`);
      for (const { ref } of waiting) await ask(world, `/approvals/${ref}`, { decision: "approve" });
      await load.payWith("tok_approve", random.int(3, 10));
      return nothingToHeal;
    },
  },
];
