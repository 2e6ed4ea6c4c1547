import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import { closed, NoParams } from "./shapes.ts";

const Count = Type.Integer({ minimum: 0 });

/** Answers by whose doing they were: a success, the client's (4xx), ours (5xx, or none at all). */
const outcomes = { ok: Count, refused: Count, failed: Count };

/** How long they took, in the classes of `lib/latency-buckets.ts`. */
const Buckets = Type.Array(Type.Tuple([Count, Count]));

export const GatewayRates = Type.Object(
  {
    seconds: Type.Array(
      Type.Object({ second: Type.Integer({ description: "Unix time" }), ...outcomes, buckets: Buckets }, closed),
    ),
    actions: Type.Array(Type.Object({ action: Type.String(), ...outcomes, buckets: Buckets }, closed)),
    overSeconds: Type.Number({ description: "what the figures of actions are counted over" }),
    underWay: Count,
    most: Type.Integer({ description: "requests that it may have under way now" }),
    loopDelayMs: Type.Number(),
    openBreakers: Type.Array(Type.Object({ action: Type.String(), node: Type.String() }, closed)),
  },
  closed,
);
export type GatewayRates = Static<typeof GatewayRates>;

export const gatewayActions = {
  "gateway.rates": action({
    summary: "What went through this gateway lately, and how it is",
    access: "internal",
    params: NoParams,
    result: GatewayRates,
    timeoutMs: 1_000,
  }),
};
export type GatewayActions = TypesOf<typeof gatewayActions>;
