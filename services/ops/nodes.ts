import type { NodeView } from "../../contracts/ops.ts";

/** What the broker's registry has of a node; it names more than its declarations do. */
export interface RegistryNode {
  id: string;
  available: boolean;
  cpu?: number | null;
  hostname?: string | null;
  services?: { name: string }[];
  metadata?: { startedAt?: unknown; version?: unknown };
}

/** The nodes that are there, and those that are missed: of a terminal that was attached for a while nobody wants to know. */
export const nodeViews = (nodes: readonly RegistryNode[], now: number): NodeView[] =>
  nodes.map((node) => nodeView(node, now)).filter(({ available, services }) => available || services.length > 0);

function nodeView(node: RegistryNode, now: number): NodeView {
  const { startedAt, version } = node.metadata ?? {};
  const services = (node.services ?? []).map(({ name }) => name).filter((name) => !name.startsWith("$"));
  return {
    id: node.id,
    services: [...new Set(services)].sort(),
    available: node.available,
    cpu: node.cpu ?? null,
    uptimeSeconds: typeof startedAt === "number" ? Math.max(0, Math.floor((now - startedAt) / 1_000)) : null,
    version: typeof version === "string" ? version : null,
    hostname: node.hostname ?? null,
  };
}
