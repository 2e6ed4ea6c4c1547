import type { Fault } from "../fault.ts";
import { onAllLinks, ordinary } from "./support.ts";

/** Mail is nobody's answer: requests notice nothing. */
const limits = { ...ordinary, recoverWithinMs: 4_000, servesWithinMs: 4_000, placedPercent: 99 };

export const mailFaults: readonly Fault[] = [
  {
    name: "mail refused",
    about: "Nothing listens where the mail server was.",
    targets: ["mail"],
    limits,
    holdMs: [1_000, 6_000],
    inject: ({ world }) => onAllLinks(world, "smtp", { kind: "refuse" }),
  },
  {
    name: "mail silent",
    about: "The mail server takes connections and says nothing.",
    targets: ["mail"],
    limits,
    holdMs: [2_000, 8_000],
    inject: ({ world }) => onAllLinks(world, "smtp", { kind: "hold", sides: ["replies"] }),
  },
  {
    name: "mail answer lost",
    about: "Some messages are taken, but nobody hears that they were.",
    targets: ["mail"],
    limits,
    holdMs: [1_000, 4_000],
    async inject({ world }) {
      // the end of a message is a line with nothing but a dot
      return onAllLinks(world, "smtp", {
        kind: "lose",
        side: "replies",
        // the line that ends a message
        of: /\r\n\.\r\n$/,
        share: 0.3,
      });
    },
  },
];
