import type { Fault } from "../fault.ts";
import type { World } from "../world.ts";
import { aNode, killed, onAllLinks, onLinksOf, ordinary, paused } from "./support.ts";

const limits = { ...ordinary, recoverWithinMs: 5_000 };
const nats = ({ servers }: World): World["servers"]["nats"] => servers.nats;

export const natsFaults: readonly Fault[] = [
  {
    name: "nats killed",
    about: "The transporter between the nodes ends by SIGKILL, and is started again.",
    targets: ["nats"],
    limits,
    holdMs: [500, 4_000],
    weight: 2,
    inject: killed(nats),
  },
  {
    name: "nats down",
    about: "The transporter is away for long.",
    targets: ["nats"],
    limits,
    holdMs: [15_000, 40_000],
    inject: killed(nats),
  },
  {
    name: "nats paused",
    about: "The transporter stands still: connections stay open, and nothing arrives.",
    targets: ["nats"],
    limits,
    holdMs: [2_000, 10_000],
    inject: paused(nats),
  },
  {
    name: "nats slow",
    about: "What nodes send each other takes longer.",
    targets: ["nats"],
    limits,
    holdMs: [1_000, 5_000],
    inject: ({ world }) => onAllLinks(world, "nats", { kind: "latency", ms: 50 }),
  },
  {
    name: "nats one-way",
    about: "One node hears the others, but they do not hear it.",
    targets: ["nats"],
    limits,
    holdMs: [2_000, 8_000],
    inject: (site) => onLinksOf(aNode(site), ["nats"], { kind: "hold", sides: ["requests"] }),
  },
];
