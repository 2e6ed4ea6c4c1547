import type { Fault } from "../fault.ts";
import { nothingToHeal, ordinary } from "./support.ts";

const afterOverload = { ...ordinary, recoverWithinMs: 10_000 };
const tokens = ["tok_timeout", "tok_error_after_charge", "tok_duplicate", "tok_silent", "tok_async_ok"] as const;
const burstMs = 5_000;

export const loadFaults: readonly Fault[] = [
  ...[2, 5].map((factor): Fault => ({
    name: `load times ${factor}`,
    about: `Orders arrive ${factor} times as fast as usual.`,
    targets: ["load"],
    limits: afterOverload,
    holdMs: [0, 0],
    async inject({ load }) {
      await load.burst(factor, burstMs);
      return nothingToHeal;
    },
  })),
  {
    name: "load fifty copies",
    about: "Each of some orders is asked for by fifty requests with the same key at once, over all gateways.",
    targets: ["load"],
    limits: afterOverload,
    holdMs: [0, 0],
    weight: 2,
    async inject({ load, random, note }) {
      const orders = random.int(4, 10);
      note(`${orders} orders`);
      await load.copies(orders, 50);
      return nothingToHeal;
    },
  },
  {
    name: "load clients hang up",
    about: "Clients close their connection once they have sent the request, and ask again with the key later.",
    targets: ["load"],
    limits: ordinary,
    holdMs: [0, 0],
    weight: 2,
    async inject({ load, random }) {
      await load.abandon(random.int(20, 60));
      return nothingToHeal;
    },
  },
  ...tokens.map((token): Fault => ({
    name: `load ${token}`,
    about: `Orders are paid with the sandbox's ${token}.`,
    targets: ["load"],
    limits: ordinary,
    holdMs: [0, 0],
    async inject({ load, random }) {
      await load.payWith(token, random.int(5, 20));
      return nothingToHeal;
    },
  })),
];
