import type { Channel } from "./channel.ts";

/** Where no mail server is set: the stored delivery is itself the mailbox that `notify.mailbox` shows, so nothing leaves. */
export const mailboxChannel = (): Channel => ({
  name: "mailbox",
  ownStore: true,
  send: () => Promise.resolve(),
});
