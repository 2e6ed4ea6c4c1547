import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

export interface ReceivedMail {
  to: string[];
  from: string;
  subject: string;
  messageId: string;
  raw: string;
}

export interface TestSmtp {
  url: string;
  received: ReceivedMail[];
  /** Addresses refused for good. */
  refused: Set<string>;
  stop(): Promise<void>;
}

/** A real mail server on this machine that keeps what it is given, or hands it to `onMail` alone. */
export async function startSmtp(port = 0, onMail?: (mail: ReceivedMail) => void): Promise<TestSmtp> {
  const received: ReceivedMail[] = [];
  const keep = onMail ?? ((mail) => void received.push(mail));
  const refused = new Set<string>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    // nodes keep connections open; it would wait half a minute for them
    closeTimeout: 500,
    onRcptTo: ({ address }, _session, done) =>
      done(refused.has(address) ? Object.assign(new Error(`no such mailbox ${address}`), { responseCode: 550 }) : null),
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const raw = Buffer.concat(chunks).toString();
        keep({
          to: envelope.rcptTo.map(({ address }) => address),
          from: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
          subject: decodeWords(header(raw, "Subject")),
          messageId: header(raw, "Message-ID"),
          raw,
        });
        done();
      });
    },
  });
  // clients of a server that is being stopped are cut off, which is what the tests are about
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: bound } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${bound}`,
    received,
    refused,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** The value of a header, unfolded. */
export function header(raw: string, name: string): string {
  const [head = ""] = raw.split("\r\n\r\n", 1);
  const line = head
    .replace(/\r\n[ \t]+/g, " ")
    .split("\r\n")
    .find((one) => one.startsWith(`${name}: `));
  return line?.slice(name.length + 2) ?? "";
}

/** The encoded words of a header (RFC 2047) as text. */
function decodeWords(value: string): string {
  return value
    .replace(/\?= =\?/g, "?==?")
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_word, encoding: string, text: string) =>
      encoding.toLowerCase() === "b"
        ? Buffer.from(text, "base64").toString("latin1")
        : text
            .replaceAll("_", " ")
            .replace(/=([0-9a-f]{2})/gi, (_hex, code: string) => String.fromCharCode(parseInt(code, 16))),
    )
    .replace(/[\x80-\xff]+/g, (bytes) => Buffer.from(bytes, "latin1").toString());
}
