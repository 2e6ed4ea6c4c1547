import type { Config } from "../../../config.ts";
import type { Outgoing } from "../telling.ts";
import type { Channel } from "./channel.ts";
import { mailboxChannel } from "./mailbox.ts";
import { smsChannel } from "./sms.ts";

export interface Channels {
  /** How many messages are taken at once. */
  atOnce: number;
  of: Record<Outgoing["channel"], Channel>;
  close(): void;
}

const smtpConnections = 10;
const mailboxBatch = 200;

/** The channels a system with these settings has: real ones with a mail server, else the mailbox for all. */
export async function openChannels({ smtpUrl, mailFrom }: Config): Promise<Channels> {
  if (smtpUrl === null) {
    const mailbox = mailboxChannel();
    return { atOnce: mailboxBatch, of: { email: mailbox, sms: mailbox }, close: () => {} };
  }
  const { emailChannel } = await import("./email.ts");
  // as many at once as there are connections, so that none waits for a slow one while its claim runs out
  const email = emailChannel({ smtpUrl, from: mailFrom, maxConnections: smtpConnections });
  return { atOnce: smtpConnections, of: { email, sms: smsChannel() }, close: () => email.close() };
}
