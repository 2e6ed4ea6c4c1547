import { exchange, queues } from "../../lib/topology.ts";
import type { Fault } from "../fault.ts";
import type { World } from "../world.ts";
import { inRabbitMq } from "./messages.ts";
import { anything, killed, nothingToHeal, onAllLinks, ordinary, paused, upNodes } from "./support.ts";

/** Orders are taken without it; only what follows from them waits. */
const limits = { ...ordinary, recoverWithinMs: 4_000, servesWithinMs: 4_000, placedPercent: 99 };
const rabbit = ({ servers }: World): World["servers"]["amqp"] => servers.amqp;
const policy = "chaos-full";

/** Has every channel acknowledge what it was never given, upon which the server closes it with an error. */
const closeChannels =
  "[rabbit_channel:do(Channel, {'basic.ack', 999999999, false}) || Channel <- rabbit_channel:list()].";

export const rabbitFaults: readonly Fault[] = [
  {
    name: "rabbitmq killed",
    about: "RabbitMQ ends by SIGKILL, and is started again on its data.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [0, 3_000],
    weight: 3,
    inject: killed(rabbit),
  },
  {
    name: "rabbitmq killed with all nodes",
    about: "RabbitMQ and every node end by SIGKILL at once: what nodes had in hand only RabbitMQ's disk has.",
    targets: ["nodes", "rabbitmq"],
    limits: { ...ordinary, recoverWithinMs: 15_000 },
    holdMs: [0, 1_000],
    async inject({ world }) {
      const nodes = upNodes(world);
      await Promise.all([...nodes.map((node) => node.kill()), rabbit(world).kill()]);
      return async () => {
        await Promise.all([rabbit(world).restart(), ...nodes.map((node) => node.start())]);
      };
    },
  },
  {
    name: "rabbitmq down",
    about: "RabbitMQ is away for long, and finds a backlog when it is back.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [20_000, 45_000],
    inject: killed(rabbit),
  },
  {
    name: "rabbitmq paused",
    about: "RabbitMQ stands still: connections stay open, and nothing is confirmed.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [2_000, 12_000],
    weight: 2,
    inject: paused(rabbit),
  },
  {
    name: "rabbitmq memory alarm",
    about: "RabbitMQ says that its memory is used up, and blocks everybody who publishes.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [2_000, 8_000],
    async inject({ world }) {
      const { amqp } = world.servers;
      await amqp.control("set_vm_memory_high_watermark", "absolute", "1MB");
      return async () => {
        await amqp.control("set_vm_memory_high_watermark", "absolute", "512MB");
      };
    },
  },
  {
    name: "rabbitmq channels closed",
    about: "RabbitMQ closes every channel with an error; the connections stay.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [0, 500],
    weight: 2,
    async inject({ world }) {
      await world.servers.amqp.control("eval", closeChannels);
      return nothingToHeal;
    },
  },
  {
    name: "rabbitmq connections closed",
    about: "An operator has RabbitMQ close every connection.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [0, 500],
    async inject({ world }) {
      await world.servers.amqp.control("close_all_connections", "closed by chaos");
      return nothingToHeal;
    },
  },
  {
    name: "rabbitmq queues full",
    about: "No queue takes another message: what is published is refused.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [1_000, 6_000],
    async inject({ world }) {
      const { amqp } = world.servers;
      await amqp.control("set_policy", policy, "^hub\\.", '{"max-length":0}', "--apply-to", "queues");
      return async () => {
        // taken away instead, the limit would leave channels refused that have found it reached
        await amqp.control("set_policy", policy, "^hub\\.", '{"max-length":1000000}', "--apply-to", "queues");
      };
    },
  },
  {
    name: "rabbitmq binding deleted",
    about: "The bindings that lead events to one of their queues are gone, until somebody puts them back.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [1_000, 5_000],
    async inject({ world, random, note }) {
      const { name, bindings } = random.pick(queues.filter((queue) => queue.bindings.length > 0));
      note(name);
      await inRabbitMq(world, async (channel) => {
        for (const key of bindings) await channel.unbindQueue(name, exchange, key);
      });
      return () =>
        inRabbitMq(world, async (channel) => {
          for (const key of bindings) await channel.bindQueue(name, exchange, key);
        });
    },
  },
  {
    name: "rabbitmq answers lost",
    about: "Some messages arrive at RabbitMQ, but the connection breaks before its answer.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [1_000, 4_000],
    weight: 2,
    inject: ({ world }) => onAllLinks(world, "amqp", { kind: "lose", side: "replies", of: anything, share: 0.1 }),
  },
  {
    name: "rabbitmq slow",
    about: "The way to RabbitMQ and back takes 400 ms.",
    targets: ["rabbitmq"],
    limits,
    holdMs: [1_000, 5_000],
    inject: ({ world }) => onAllLinks(world, "amqp", { kind: "latency", ms: 200 }),
  },
];
