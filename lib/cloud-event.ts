import { eventData, type CloudEvent, type EventType } from "../contracts/events.ts";
import { messageOf } from "./errors.ts";
import { compileSchema, type Check } from "./validator.ts";

const checks = new Map<string, Check>();

/** The event in these bytes, or why there is none that this system knows. */
export function readEvent(bytes: Buffer): { event: CloudEvent } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    return { problem: `not JSON: ${messageOf(error)}` };
  }
  const wrong = checkEnvelope(value);
  return wrong === true ? checkData(value as CloudEvent) : { problem: describe(wrong) };
}

const checkEnvelope = compileSchema({
  type: "object",
  required: ["specversion", "id", "source", "type", "subject", "time", "sequence", "data"],
  properties: {
    specversion: { const: "1.0" },
    id: { type: "string", minLength: 1, maxLength: 64 },
    source: { type: "string", minLength: 1 },
    type: { type: "string", minLength: 1, maxLength: 64 },
    subject: { type: "string", minLength: 1, maxLength: 64 },
    time: { type: "string", format: "date-time" },
    sequence: { type: "integer", minimum: 1 },
    data: { type: "object" },
  },
});

function checkData(event: CloudEvent): { event: CloudEvent } | { problem: string } {
  if (!Object.hasOwn(eventData, event.type)) return { problem: `unknown event type ${String(event.type)}` };
  const wrong = checkOf(event.type)(structuredClone(event.data));
  return wrong === true ? { event } : { problem: `data: ${describe(wrong)}` };
}

function checkOf(type: EventType): Check {
  const known = checks.get(type);
  if (known) return known;
  // An event may gain fields that this version does not know yet: what is known must be right, the rest is let be.
  const check = compileSchema({ ...eventData[type], additionalProperties: true });
  checks.set(type, check);
  return check;
}

const describe = (errors: readonly { field: string; message: string }[]): string =>
  errors.map(({ field, message }) => `${field} ${message}`).join(", ");
