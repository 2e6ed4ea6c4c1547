import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { Validators } from "moleculer";
import type { FieldError } from "./errors.ts";

const ajv = new Ajv({
  allErrors: true,
  useDefaults: true,
  strict: true,
  strictTypes: false,
  allowUnionTypes: true,
  verbose: false,
});
addFormats.default(ajv);

const maxErrors = 20;

export type Check = (value: unknown) => true | FieldError[];

/**
 * Puts defaults in and answers `true`, or what is wrong with which field. Compiled with the first value: all schemas of a
 * node together took a third of its start.
 */
export function compileSchema(schema: object): Check {
  let validate: ValidateFunction | null = null;
  return (value) => {
    validate ??= ajv.compile(schema);
    return validate(value) ? true : fieldErrors(validate.errors ?? []);
  };
}

/** Codes by JSON Schema keyword, for those a client may want to tell apart. */
const codes: Record<string, string> = {
  required: "REQUIRED",
  additionalProperties: "UNKNOWN_FIELD",
  type: "WRONG_TYPE",
  format: "WRONG_FORMAT",
  pattern: "WRONG_FORMAT",
  minimum: "TOO_SMALL",
  maximum: "TOO_LARGE",
  minLength: "TOO_SHORT",
  maxLength: "TOO_LONG",
  minItems: "TOO_FEW",
  maxItems: "TOO_MANY",
  minProperties: "TOO_FEW",
  uniqueItems: "DUPLICATE",
  anyOf: "NOT_ALLOWED",
  const: "NOT_ALLOWED",
  enum: "NOT_ALLOWED",
};

function fieldErrors(errors: ErrorObject[]): FieldError[] {
  const found = new Map<string, FieldError>();
  const choices = new Set(errors.filter(({ keyword }) => keyword === "anyOf").map(({ instancePath }) => instancePath));
  const optional = new Set([...choices].filter((path) => isNullable(errors.filter((e) => e.instancePath === path))));
  for (const error of errors) {
    const { instancePath, keyword } = error;
    // of what may also be null, what is wrong with it is of use
    if (optional.has(instancePath) && (keyword === "anyOf" || isNullWanted(error))) continue;
    // of another choice, only the summary, not each branch that did not fit
    if (!optional.has(instancePath) && keyword !== "anyOf" && choices.has(instancePath)) continue;
    const field = fieldOf(error);
    if (!found.has(field))
      found.set(field, { field, code: codes[error.keyword] ?? "INVALID", message: sentence(error) });
    if (found.size >= maxErrors) break;
  }
  return [...found.values()];
}

const isNullWanted = ({ keyword, params }: ErrorObject): boolean => keyword === "type" && params.type === "null";

/** Whether these are the errors of a choice between null and one thing that has bounds of its own. */
function isNullable(errors: readonly ErrorObject[]): boolean {
  const branches = errors.filter(({ keyword }) => keyword !== "anyOf");
  const others = branches.filter((error) => !isNullWanted(error));
  const branchOf = ({ schemaPath }: ErrorObject): string => /^.*\/anyOf\/\d+/.exec(schemaPath)?.[0] ?? "";
  return others.length > 0 && others.length < branches.length && new Set(others.map(branchOf)).size === 1;
}

/** `/items/0/quantity` as `items[0].quantity`, with the name of a field that is missing or unknown at its end. */
function fieldOf({ instancePath, params }: ErrorObject): string {
  const { missingProperty, additionalProperty } = params as { missingProperty?: string; additionalProperty?: string };
  const path = instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = missingProperty ?? additionalProperty;
  if (last !== undefined) path.push(last);
  if (path.length === 0) return "body";
  return path
    .map((part, i) => (/^\d+$/.test(part) ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join("")
    .slice(0, 200);
}

/** What is wrong, in words that read on from the field's name. */
function sentence({ keyword, message, params }: ErrorObject): string {
  const { limit, type, format, allowedValues } = params as Record<string, unknown>;
  const words: Record<string, string> = {
    required: "is required",
    additionalProperties: "is not a known field",
    anyOf: "is not one of the allowed values",
    const: "is not one of the allowed values",
    enum: `must be one of ${String(allowedValues)}`,
    type: `must be of type ${String(type)}`,
    format: `must be a valid ${format === "uuid" ? "UUID" : String(format)}`,
    pattern: "has characters or a form that are not allowed",
    minimum: `must be at least ${String(limit)}`,
    maximum: `must be at most ${String(limit)}`,
    minLength: `must have at least ${String(limit)} characters`,
    maxLength: `must have at most ${String(limit)} characters`,
    minItems: `must have at least ${String(limit)} entries`,
    maxItems: `must have at most ${String(limit)} entries`,
    minProperties: "must have at least one field",
    uniqueItems: "must not name anything twice",
  };
  return words[keyword] ?? message ?? "is not valid";
}

/**
 * Checks our own actions by their JSON Schemas and those of Moleculer's packages by fastest-validator, which they are
 * written for.
 */
export class SchemaValidator extends Validators.Fastest {
  override compile(schema: Record<string, unknown>): ReturnType<Validators.Fastest["compile"]> {
    if (schema.type === "object" && typeof schema.properties === "object") {
      return compileSchema(schema) as unknown as ReturnType<Validators.Fastest["compile"]>;
    }
    return super.compile(schema);
  }
}
