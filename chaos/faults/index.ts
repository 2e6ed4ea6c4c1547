import type { Fault } from "../fault.ts";
import { databaseFaults } from "./database.ts";
import { eventFaults } from "./events.ts";
import { loadFaults } from "./load.ts";
import { mailFaults } from "./mail.ts";
import { natsFaults } from "./nats.ts";
import { nodeFaults } from "./nodes.ts";
import { providerFaults } from "./provider.ts";
import { rabbitFaults } from "./rabbitmq.ts";
import { redisFaults } from "./redis.ts";

/** Everything the nemesis knows to do. The name's first word says to whom. */
export const faults: readonly Fault[] = [
  ...nodeFaults,
  ...databaseFaults,
  ...redisFaults,
  ...rabbitFaults,
  ...natsFaults,
  ...eventFaults,
  ...providerFaults,
  ...mailFaults,
  ...loadFaults,
];
