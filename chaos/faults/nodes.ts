import { delay } from "../../lib/time.ts";
import type { Fault, Site } from "../fault.ts";
import { dependencies, type WorldNode } from "../world.ts";
import { aNode, onLinksOf, ordinary, upNodes } from "./support.ts";

const readyWithinMs = 60_000;
const mostSkewMs = 60_000;

/** Others have to see that a node is gone; until then calls to it wait, and are made again. */
const afterKill = { recoverWithinMs: 4_000, servesWithinMs: 4_000, placedPercent: 98, callMs: 3_000 };

export const nodeFaults: readonly Fault[] = [
  {
    name: "node killed",
    about: "One node ends by SIGKILL amid its requests, and is started again.",
    targets: ["nodes"],
    limits: afterKill,
    holdMs: [1_000, 6_000],
    weight: 5,
    async inject(site) {
      const node = aNode(site);
      await node.kill();
      return () => node.start();
    },
  },
  {
    name: "all nodes but one killed",
    about: "A single node is left, and takes everybody's requests.",
    targets: ["nodes"],
    limits: afterKill,
    holdMs: [1_000, 5_000],
    async inject(site) {
      const left = aNode(site);
      const others = upNodes(site.world).filter((node) => node !== left);
      await Promise.all(others.map((node) => node.kill()));
      return async () => {
        await Promise.all(others.map((node) => node.start()));
      };
    },
  },
  {
    name: "all nodes killed",
    about: "Every node ends by SIGKILL; they are started again in a random order, at random distances.",
    targets: ["nodes"],
    limits: { ...ordinary, recoverWithinMs: 15_000 },
    holdMs: [0, 1_000],
    async inject({ world, random }) {
      const nodes = random.shuffled(upNodes(world));
      const gaps = nodes.map(() => random.int(0, 500));
      await Promise.all(nodes.map((node) => node.kill()));
      return async () => {
        for (const [i, node] of nodes.entries()) {
          await node.start();
          await delay(gaps[i] ?? 0);
        }
      };
    },
  },
  {
    name: "rolling restart",
    about: "Every node in turn is told to stop, is started again, and the next follows once it is ready.",
    targets: ["nodes"],
    limits: { ...ordinary, recoverWithinMs: 4_000, placedPercent: 100, seamless: true },
    holdMs: [0, 0],
    async inject(site) {
      const nodes = site.random.shuffled(upNodes(site.world));
      for (const node of nodes) {
        await node.stop();
        await node.start();
        await isReady(node, site);
      }
      return () => Promise.resolve();
    },
  },
  {
    name: "scale",
    about: "From three nodes to one, to as many as there may be, one after the other, and to two, under the same load.",
    targets: ["nodes"],
    limits: { ...ordinary, recoverWithinMs: 4_000, placedPercent: 100, seamless: true },
    holdMs: [500, 2_000],
    async inject(site) {
      const { world } = site;
      const nodes = site.random.shuffled(world.nodes);
      const [kept, second] = nodes;
      await kept?.start();
      if (kept) await isReady(kept, site);
      const stopAll = (ending: WorldNode[]) => Promise.all(ending.map((node) => node.stop()));
      await stopAll(nodes.filter((node) => node !== kept));
      for (const node of nodes) {
        await node.start();
        await isReady(node, site);
      }
      await stopAll(nodes.filter((node) => node !== kept && node !== second));
      return () => world.restore();
    },
  },
  {
    name: "node paused",
    about: "One node stands still, as in a long pause of a machine, and goes on with what it had in hand.",
    targets: ["nodes"],
    // who asked it just before has no answer, and hangs up after 5 s
    limits: { ...ordinary, recoverWithinMs: 4_000, servesWithinMs: 4_000, callMs: 5_500 },
    holdMs: [4_000, 10_000],
    weight: 2,
    async inject(site) {
      const node = aNode(site);
      await node.pause();
      return () => node.resume();
    },
  },
  {
    name: "node cut off",
    about: "What one node sends to its servers, and they to it, waits; then all of it arrives.",
    targets: ["nodes"],
    limits: { ...ordinary, servesWithinMs: 5_000 },
    holdMs: [2_000, 8_000],
    weight: 2,
    async inject(site) {
      return onLinksOf(aNode(site), dependencies, { kind: "hold", sides: ["requests", "replies"] });
    },
  },
  {
    name: "node loses one server",
    about: "One node alone finds one of its servers silent, or refusing it.",
    targets: ["nodes"],
    limits: { ...ordinary, servesWithinMs: 5_000 },
    holdMs: [1_000, 6_000],
    weight: 3,
    async inject(site) {
      const { random, note } = site;
      const node = aNode(site);
      const dependency = random.pick(dependencies);
      const silent = random.chance(0.5);
      note(`${dependency} ${silent ? "silent" : "refusing"}`);
      return onLinksOf(
        node,
        [dependency],
        silent ? { kind: "hold", sides: ["requests", "replies"] } : { kind: "refuse" },
      );
    },
  },
  {
    name: "node slow",
    about: "Everything that one node asks of its servers takes longer.",
    targets: ["nodes"],
    limits: ordinary,
    holdMs: [1_000, 6_000],
    async inject(site) {
      const ms = site.random.int(10, 60);
      const node = aNode(site);
      site.note(`${ms} ms each way`);
      return onLinksOf(node, dependencies, { kind: "latency", ms });
    },
  },
  {
    name: "node with a wrong clock",
    about: "One node is started again with a clock that is up to a minute ahead or behind.",
    targets: ["nodes"],
    limits: { ...ordinary, placedPercent: 98 },
    holdMs: [2_000, 5_000],
    async inject(site) {
      const clockSkewMs = site.random.pick([-1, 1]) * site.random.int(1_000, mostSkewMs);
      const node = aNode(site);
      site.note(`${clockSkewMs} ms`);
      await node.stop();
      await node.start({ clockSkewMs });
      await isReady(node, site);
      return async () => {
        await node.stop();
        await node.start();
      };
    },
  },
];

async function isReady(node: WorldNode, { signal }: Site): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (!signal.aborted && !(await node.isReady())) {
    if (Date.now() > deadline) throw new Error(`${node.id} was not ready within ${readyWithinMs} ms`);
    await delay(100, signal);
  }
}
