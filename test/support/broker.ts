import { ServiceBroker, type ServiceSchema } from "moleculer";
import type { Config } from "../../config.ts";
import type { AppBroker, Identity, Meta } from "../../contracts/bus.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { testConfig } from "./config.ts";

export interface TestBroker {
  broker: AppBroker;
  config: Config;
  /** Calling options for a call made by this person. */
  as(user: Identity): { meta: Meta };
  stop(): Promise<void>;
}

/** A real broker with the real middlewares, one real service, and its neighbours as tiny local services. */
export async function startBroker(services: readonly ServiceSchema[], config = testConfig()): Promise<TestBroker> {
  const broker = new ServiceBroker({ ...brokerOptions(config), transporter: null }) as unknown as AppBroker &
    ServiceBroker;
  for (const service of services) broker.createService(service);
  await broker.start();
  return { broker, config, as: (user) => ({ meta: { user } }), stop: () => broker.stop() };
}

/** A neighbour that answers calls with what `answers` say, and keeps what it was asked. */
export function neighbour(
  name: string,
  answers: Record<string, (params: never) => unknown>,
): ServiceSchema & { asked: { action: string; params: unknown }[] } {
  const asked: { action: string; params: unknown }[] = [];
  const actions = Object.fromEntries(
    Object.entries(answers).map(([action, answer]) => [
      action,
      (ctx: { params: unknown }) => {
        asked.push({ action, params: ctx.params });
        return answer(ctx.params as never);
      },
    ]),
  );
  return { name, actions, asked };
}

export const customer = (id: string): Identity => ({
  id,
  roles: ["customer"],
  sessionId: "0198c0de-0000-7000-8000-000000000001",
});
export const admin = (id: string): Identity => ({
  id,
  roles: ["admin"],
  sessionId: "0198c0de-0000-7000-8000-000000000002",
});
