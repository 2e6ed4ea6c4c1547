import type { Command } from "commander";
import { contractOf } from "../contracts/bus.ts";
import { notFound } from "../lib/errors.ts";

interface Field {
  type?: string;
  const?: unknown;
  anyOf?: readonly Field[];
  items?: Field;
  description?: string;
}

/** `describe <action>`: what an action is for, who may call it, what it takes and how it refuses. */
export function describeCommand(program: Command): void {
  program
    .command("describe <action>")
    .description("Show what an action takes, who may call it and how it refuses")
    .action((name: string) => {
      const contract = contractOf(name);
      if (!contract) throw notFound(`action: ${name}`);
      const { summary, access, params, refusals = [] } = contract;
      const { properties = {}, required = [] } = params as {
        properties?: Record<string, Field>;
        required?: readonly string[];
      };
      const fields = Object.entries(properties).map(([field, schema]) => {
        const about = schema.description ? `: ${schema.description}` : "";
        return `  ${field}${required.includes(field) ? "" : "?"}  ${typeOf(schema)}${about}`;
      });
      console.log(`${name}: ${summary}`);
      console.log(`open to: ${access}`);
      console.log(fields.length === 0 ? "takes nothing" : `takes\n${fields.join("\n")}`);
      if (refusals.length > 0) console.log(`refuses with ${refusals.join(", ")}`);
    });
}

function typeOf(schema: Field): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  return schema.type === "array"
    ? `${schema.items ? typeOf(schema.items) : "anything"}[]`
    : (schema.type ?? "anything");
}
