import { openApiDocument } from "../services/gateway/openapi.ts";

// Prints the OpenAPI document that the gateway serves.
process.stdout.write(`${JSON.stringify(openApiDocument(), null, 2)}\n`);
