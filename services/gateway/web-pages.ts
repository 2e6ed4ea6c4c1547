import type { IncomingMessage, ServerResponse } from "node:http";
import type { Entry } from "./admission.ts";
import type { Page } from "./pages.ts";
import { HttpRefusal } from "./problem.ts";
import type { WebFile, WebFiles } from "./web-files.ts";
import type { WebRequest } from "./web.ts";

/** Only what this origin serves as files runs, styles and is asked; and nothing turns text into markup. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** They are the same for everyone, so a token that has ended is no reason to refuse them. */
const entry: Entry = { access: "public", limited: true, ignoresToken: true };

const forGood = "public, max-age=31536000, immutable";
const forADay = "public, max-age=86400";

/** The shop's and the console's pages and files. They belong to people, not to the REST interface and its document. */
export function webPages({ pages, assets, icon }: WebFiles): Page[] {
  return [
    ...[...pages].map(([path, file]): Page => ({
      method: "GET",
      path,
      entry,
      answer(req, res) {
        // it names the files of this build, so an old one would ask for what is not there any more
        res.setHeader("Content-Security-Policy", contentPolicy);
        res.setHeader("Cross-Origin-Opener-Policy", "same-origin");
        sendFile(req, res, file);
      },
    })),
    {
      method: "GET",
      path: "/assets/:name",
      entry,
      answer(req, res) {
        const file = assets.get(nameIn(req));
        if (!file) throw new HttpRefusal(404, "NOT_FOUND", "There is nothing here.");
        res.setHeader("Cache-Control", forGood);
        sendFile(req, res, file);
      },
    },
    {
      method: "GET",
      path: "/favicon.svg",
      entry,
      answer(req, res) {
        res.setHeader("Cache-Control", forADay);
        sendFile(req, res, icon);
      },
    },
  ];
}

const nameIn = ({ $params }: WebRequest): string => ($params.params as { name: string }).name;

function sendFile({ headers }: IncomingMessage, res: ServerResponse, file: WebFile): void {
  const [encoding, bytes] = encodedFor(headers["accept-encoding"], file);
  res.writeHead(200, {
    "Content-Type": file.type,
    "Content-Length": bytes.length,
    Vary: "Accept-Encoding",
    ...(encoding === null ? {} : { "Content-Encoding": encoding }),
  });
  res.end(bytes);
}

function encodedFor(accepted: string | string[] | undefined, file: WebFile): ["br" | "gzip" | null, Buffer] {
  for (const encoding of ["br", "gzip"] as const) {
    const bytes = file[encoding];
    if (bytes && accepts(String(accepted ?? ""), encoding)) return [encoding, bytes];
  }
  return [null, file.plain];
}

/** `br;q=0` refuses it. */
const accepts = (header: string, encoding: string): boolean =>
  header.split(",").some((part) => {
    const [name, ...parameters] = part.toLowerCase().split(";");
    return name?.trim() === encoding && !parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter));
  });
