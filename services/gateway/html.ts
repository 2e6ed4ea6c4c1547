import { createHash } from "node:crypto";

/** Markup, as opposed to text that must be escaped on its way into it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | readonly Html[];

/** Escapes every value that is not markup itself: markup`<p>${name}</p>`. */
export function markup(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.map((string, i) => string + escaped(parts[i])).join(""));
}

function escaped(part: Part | undefined): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(({ text }) => text).join("\n");
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export interface Page {
  text: string;
  /** Allows this page's own style and forms, and nothing else. */
  contentPolicy: string;
}

export function page(title: string, style: string, body: Html): Page {
  const digest = createHash("sha256").update(style).digest("base64");
  const text = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>${new Html(style)}</style>
      </head>
      <body>
        ${body}
      </body>
    </html>`.text;
  return {
    text,
    contentPolicy: `default-src 'none'; style-src 'sha256-${digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  };
}
