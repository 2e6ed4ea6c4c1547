import { Type, type Static } from "@sinclair/typebox";
import { closed, nullable, Time } from "./shapes.ts";

const limit = Type.Integer({ minimum: 1, maximum: 1e9 });

const levels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export const LogLevel = Type.Union(levels.map((level) => Type.Literal(level)));

/** What can be changed while nodes run, with the bounds it has at their start. */
export const liveFields = {
  logLevel: LogLevel,
  rateLimit: limit,
  registerRateLimit: limit,
  loginFailuresPerAddress: limit,
  loginFailuresPerAccount: limit,
  orderTtlSeconds: Type.Integer({ minimum: 1, maximum: 30 * 24 * 3600 }),
  traceSampleRatio: Type.Number({ minimum: 0, maximum: 1 }),
  ordersOpen: Type.Boolean({ description: "whether new orders are taken; those that are there go on" }),
  registrationOpen: Type.Boolean({ description: "whether anybody may create an account" }),
};

/** All of them. */
export const LiveValues = Type.Object(liveFields, closed);
export type LiveValues = Static<typeof LiveValues>;

/** Some of them, as in a file. */
export const SomeLiveValues = Type.Partial(LiveValues, closed);
export type SomeLiveValues = Static<typeof SomeLiveValues>;

/** A change: null takes back what was set. */
export const LiveChange = Type.Object(
  {
    logLevel: Type.Optional(nullable(liveFields.logLevel)),
    rateLimit: Type.Optional(nullable(limit)),
    registerRateLimit: Type.Optional(nullable(limit)),
    loginFailuresPerAddress: Type.Optional(nullable(limit)),
    loginFailuresPerAccount: Type.Optional(nullable(limit)),
    orderTtlSeconds: Type.Optional(nullable(liveFields.orderTtlSeconds)),
    traceSampleRatio: Type.Optional(nullable(liveFields.traceSampleRatio)),
    ordersOpen: Type.Optional(nullable(liveFields.ordersOpen)),
    registrationOpen: Type.Optional(nullable(liveFields.registrationOpen)),
  },
  { ...closed, minProperties: 1 },
);
export type LiveChange = Static<typeof LiveChange>;

export const LiveReport = Type.Object(
  {
    values: LiveValues,
    set: Type.Partial(LiveValues, { ...closed, description: "of the values, those that were set for all nodes" }),
    changedAt: nullable(Time),
    changedBy: nullable(Type.String()),
  },
  closed,
);
export type LiveReport = Static<typeof LiveReport>;

/** What was set for all nodes. */
export const StoredSettings = Type.Object(
  { set: SomeLiveValues, changedAt: nullable(Time), changedBy: nullable(Type.String()) },
  closed,
);
export type StoredSettings = Static<typeof StoredSettings>;
