import { createTransport, type NodemailerError } from "nodemailer";
import { PermanentFailure, type Channel } from "./channel.ts";

export interface EmailOptions {
  /** An smtp:// or smtps:// URL with credentials where the server wants them. */
  smtpUrl: string;
  from: string;
  maxConnections: number;
}

/**
 * E-mail over SMTP. The Message-ID is made from the delivery's id, so that a message sent twice, because its
 * acknowledgement was lost, is recognisably the same one.
 */
export function emailChannel({ smtpUrl, from, maxConnections }: EmailOptions): Channel & { close(): void } {
  const transport = createTransport({
    url: smtpUrl,
    pool: true,
    maxConnections,
    connectionTimeout: 5_000,
    greetingTimeout: 5_000,
    socketTimeout: 10_000,
    // the stored delivery is what is tried again, after a growing delay
    maxRequeues: 0,
    // text of users must never make the mailer read files or fetch addresses
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    name: "email",
    async send({ id, to, subject, body, html }) {
      try {
        await transport.sendMail({
          from: { name: "EnterpriseHub", address: from },
          // an object, because a string would be parsed as a list of recipients
          to: { name: "", address: to },
          subject,
          text: body,
          ...(html === null ? {} : { html }),
          messageId: `<${id}@enterprise-hub>`,
          headers: { "Auto-Submitted": "auto-generated" },
        });
      } catch (error) {
        throw isRefused(error as NodemailerError) ? new PermanentFailure((error as Error).message) : error;
      }
    },
    close: () => transport.close(),
  };
}

/**
 * True when the server refused this recipient or this message for good. A refusal of our login or sender is for an
 * operator to put right, after which the same message can go.
 */
const isRefused = ({ permanent, command }: NodemailerError): boolean =>
  permanent === true && (command === "RCPT TO" || command === "DATA");
