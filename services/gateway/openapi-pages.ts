import { authActions } from "../../contracts/auth.ts";
import { paymentActions } from "../../contracts/payments.ts";
import type { Operation } from "./openapi.ts";
import { problemResponses } from "./openapi-problems.ts";
import { documentSchema } from "./openapi-schemas.ts";
import { basePath, streamPath, type Method, type Tag } from "./routes.ts";

// What is answered by the gateway itself, for the document.

interface PageOperation {
  method: Method;
  path: string;
  operation: Operation;
}

type Details = Partial<Pick<Operation, "description" | "security" | "parameters" | "requestBody">> & {
  problems?: number[];
};

function pageOperation(
  [method, path]: readonly [Method, string],
  tag: Tag,
  [operationId, summary]: readonly [string, string],
  ok: object,
  { problems = [429, 500, 503], ...details }: Details = {},
): PageOperation {
  const responses = {
    200: { description: "Done.", ...ok },
    ...problemResponses(new Map([400, ...problems].map((status) => [status, []]))),
  };
  return { method, path, operation: { operationId, summary, tags: [tag], security: [], ...details, responses } };
}

const json = (schema: object): object => ({ content: { "application/json": { schema } } });
const htmlPage = { content: { "text/html": { schema: { type: "string" } } } };
const text = { type: "string" };

const health = {
  type: "object",
  required: ["status", "missing"],
  properties: { status: text, missing: { type: "array", items: text } },
};

const ref = { name: "ref", in: "path", required: true, schema: { type: "string", maxLength: 64 } };
const decision = {
  type: "object",
  required: ["decision"],
  properties: { decision: { type: "string", enum: ["approve", "decline"] } },
};
const page = (schema: object): object => ({
  content: { "text/html": { schema: text }, "application/json": { schema } },
});

const ready = pageOperation(
  ["GET", "/health/ready"],
  "Operating",
  ["healthReady", "Whether every service can be reached"],
  json(health),
  { problems: [] },
);
ready.operation.responses[503] = { description: "`missing` names what is not there.", ...json(health) };

export const pageOperations: readonly PageOperation[] = [
  pageOperation(
    ["GET", "/health/live"],
    "Operating",
    ["healthLive", "Whether the process answers"],
    json({ type: "object", required: ["status"], properties: { status: { type: "string", const: "ok" } } }),
    { problems: [] },
  ),
  ready,
  pageOperation(
    ["GET", "/.well-known/jwks.json"],
    "Operating",
    ["keys", "Every public key that still verifies access tokens"],
    json(documentSchema(authActions["auth.keys"].result)),
  ),
  pageOperation(
    ["GET", "/openapi.json"],
    "Operating",
    ["openapi", "This document"],
    json({ type: "object", required: ["openapi"], properties: { openapi: text } }),
    { problems: [429] },
  ),
  pageOperation(["GET", "/docs"], "Operating", ["docs", "This document for people"], htmlPage, { problems: [429] }),
  pageOperation(
    ["GET", basePath + streamPath],
    "Notifications",
    ["notificationStream", "My notifications as they come"],
    { content: { "text/event-stream": { schema: text } } },
    {
      description:
        "Events of the type `notification`, their data a Notification. Ends when the access token does. Also: `TOO_MANY_STREAMS`.",
      security: [{ accessToken: [] }],
      parameters: [
        {
          name: "Last-Event-ID",
          in: "header",
          description: "the id of the last event that was seen; without it the stream begins now",
          schema: { type: "integer", minimum: 0 },
        },
      ],
      problems: [401, 429, 500, 503],
    },
  ),
  pageOperation(
    ["GET", "/sandbox/approvals/:ref"],
    "Payments",
    ["approvalPage", "The sandbox provider's page where a person decides on a payment"],
    page(documentSchema(paymentActions["payments.approvalPage"].result.anyOf[0])),
    { parameters: [ref], problems: [404, 429, 500, 503] },
  ),
  pageOperation(
    ["POST", "/sandbox/approvals/:ref"],
    "Payments",
    ["decideApproval", "Approve or decline a payment of the sandbox provider"],
    page(documentSchema(paymentActions["payments.approve"].result)),
    {
      parameters: [ref],
      requestBody: {
        required: true,
        content: {
          "application/x-www-form-urlencoded": { schema: decision },
          "application/json": { schema: decision },
        },
      },
      problems: [404, 409, 413, 415, 422, 429, 500, 503],
    },
  ),
];
