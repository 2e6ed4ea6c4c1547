import type { Service, ServiceBroker } from "moleculer";
import { callsUnderWay } from "./calls-under-way.ts";
import { delay } from "./time.ts";

/** What a service offers to the stop of its node, beyond Moleculer's own hooks. */
export interface Drains {
  /** Gives up work that a stop should not wait for. */
  interrupt?(): void;
  /** Refuses new work and resolves when the work under way is done. */
  drain?(): Promise<void>;
  /** End what the service does of its own accord; resolve when what is under way of it is done. */
  stopConsuming?(): Promise<void>;
  stopSweeping?(): Promise<void>;
}

/** How long nodes that are busy may take to hear that they should ask others. */
const heardWithinMs = 500;

/** No call takes longer, but those of operators. */
const callsEndWithinMs = 3_000;

/**
 * Ends what is under way on a node whose services are about to stop. They stop side by side, and what is under way still
 * asks them: requests first, then what other nodes have asked for, and what services do of their own accord.
 */
export async function leave(broker: ServiceBroker, { isAlone }: { isAlone: boolean }): Promise<void> {
  const services = broker.services as (Drains & Service)[];
  for (const service of services) await service.drain?.();
  if (!isAlone) {
    await sayThatNothingIsHere(broker);
    await delay(heardWithinMs);
  }
  await Promise.all(
    services.map(async (service) => {
      await service.stopConsuming?.();
      await service.stopSweeping?.();
    }),
  );
  const deadline = performance.now() + callsEndWithinMs;
  while (services.some((service) => callsUnderWay(service) > 0) && performance.now() < deadline) await delay(10);
}

/** The part of Moleculer that is missing in its declarations. */
interface Announcing {
  regenerateLocalRawInfo(isNew: boolean, isStopping: boolean): void;
  discoverer: { sendLocalNodeInfo(): Promise<void> };
}

async function sayThatNothingIsHere({ registry }: ServiceBroker): Promise<void> {
  const announcing = registry as unknown as Announcing;
  announcing.regenerateLocalRawInfo(true, true);
  await announcing.discoverer.sendLocalNodeInfo();
}
