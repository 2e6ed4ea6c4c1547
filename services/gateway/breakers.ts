import type { GatewayRates } from "../../contracts/gateway.ts";

/** What the registry has of an action; it says more than its declarations do. */
interface ListedAction {
  name: string;
  endpoints?: { nodeID: string; state: boolean }[];
}

/** Where this node sends no calls at the moment, because too many failed. Each node finds that out for itself. */
export function openBreakersIn(broker: { registry: object }): GatewayRates["openBreakers"] {
  const registry = broker.registry as { getActionList(options: object): ListedAction[] };
  const actions = registry.getActionList({ onlyAvailable: false, skipInternal: true, withEndpoints: true });
  return actions.flatMap(({ name, endpoints = [] }) =>
    endpoints.filter(({ state }) => !state).map(({ nodeID }) => ({ action: name, node: nodeID })),
  );
}
