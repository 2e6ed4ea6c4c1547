import { Html, markup, page, type Page } from "./html.ts";
import type { OpenApiDocument, Operation } from "./openapi.ts";

// The OpenAPI document for people, written on the server: it needs no script, no network and no package.

const style = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
summary { cursor: pointer; padding: .3rem 0; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; background: #f4f4f4; }
b { display: inline-block; min-width: 4.5rem; }
table { border-collapse: collapse; }
td { padding: .15rem 1rem .15rem 0; vertical-align: top; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #1a1a1a; } pre { background: #2a2a2a; } a { color: #8ab4f8; } }
`;

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: object;
}
interface Content {
  description?: string;
  content?: Record<string, { schema: object }>;
  $ref?: string;
}

export function docsPage(document: OpenApiDocument): Page {
  const { title } = document.info as { title: string };
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = document.tags.map(
    ({ name, description }) =>
      markup`<h2>${name}</h2>
        <p>${prose(description)}</p>
        ${operations
          .filter(({ operation }) => operation.tags.includes(name))
          .map(({ path, method, operation }) => operationPart(path, method, operation, document))}`,
  );
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      markup`<details id="${name}">
        <summary><code>${name}</code></summary>
        ${shown(schema)}
      </details>`,
  );
  return page(
    `${title} API`,
    style,
    markup`<h1>${title} API</h1>
      <p>${prose((document.info as { description: string }).description)}</p>
      <p>For programs: <a href="/openapi.json">openapi.json</a></p>
      ${sections}
      <h2>Schemas</h2>
      ${schemas}`,
  );
}

function operationPart(path: string, method: string, operation: Operation, document: OpenApiDocument): Html {
  const { summary, description, security, parameters = [], requestBody, responses } = operation;
  return markup`<details>
    <summary><b>${method.toUpperCase()}</b> <code>${path}</code> ${prose(summary)}</summary>
    <p>${security.length > 0 ? "Needs an access token." : "Open to everyone."} ${prose(description)}</p>
    ${parameterTable(parameters as Parameter[])}
    ${
      requestBody
        ? markup`<h4>Body</h4>
            ${contentPart(requestBody)}`
        : ""
    }
    ${Object.entries(responses).map(
      ([status, response]) =>
        markup`<h4>${status}</h4>
          ${contentPart(resolved(response, document))}`,
    )}
  </details>`;
}

function resolved(response: Content, document: OpenApiDocument): Content {
  const name = response.$ref?.split("/").at(-1);
  return name === undefined ? response : (document.components.responses[name] ?? response);
}

const parameterTable = (parameters: readonly Parameter[]): Html =>
  markup`<table>
    ${parameters.map(
      (parameter) =>
        markup`<tr>
          <td><code>${parameter.name}</code></td>
          <td>${parameter.in}${parameter.required ? ", required" : ""}</td>
          <td><code>${JSON.stringify(parameter.schema)}</code> ${prose(parameter.description)}</td>
        </tr>`,
    )}
  </table>`;

const contentPart = ({ description, content = {} }: Content): Html =>
  markup`<p>${prose(description)}</p>
    ${Object.entries(content).map(
      ([type, { schema }]) =>
        markup`<p><code>${type}</code></p>
          ${shown(schema)}`,
    )}`;

/** A schema as JSON; a lone reference as a link. */
function shown(schema: object): Html {
  const ref = (schema as { $ref?: string }).$ref?.split("/").at(-1);
  return ref === undefined
    ? markup`<pre>${JSON.stringify(schema, null, 2)}</pre>`
    : markup`<p><a href="#${ref}">${ref}</a></p>`;
}

/** The document's words are Markdown; of that they use only names between backticks. */
const prose = (text = ""): Html =>
  new Html(
    text
      .split("`")
      .reduce((all, part, i) => all + (i % 2 === 1 ? markup`<code>${part}</code>` : markup`${part}`).text, ""),
  );
