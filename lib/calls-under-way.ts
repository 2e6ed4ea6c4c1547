import type { Service, ServiceBroker } from "moleculer";

/** What Moleculer's tracking keeps of a service; missing before it has begun to start, and in Moleculer's declarations. */
interface Tracking {
  _trackedContexts?: unknown[];
}

/** How many calls a service is working on. */
export const callsUnderWay = (service: Service): number => (service as Tracking)._trackedContexts?.length ?? 0;

/** The same of the service of this node that works on most; what a gateway has under way are calls of others. */
export const mostCallsUnderWay = ({ services }: ServiceBroker): number =>
  services.reduce((most, service) => (service.name === "gateway" ? most : Math.max(most, callsUnderWay(service))), 0);
