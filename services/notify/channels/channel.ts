import type { Outgoing } from "../telling.ts";

export type Message = Pick<Outgoing, "id" | "to" | "subject" | "body" | "html">;

/** A way to reach a person. `send` may be called again for the same id, which the receiving side can recognise. */
export interface Channel {
  name: string;
  /** Its messages have arrived once they are stored: there is nobody to send them to. */
  ownStore?: true;
  /** Resolves when the receiving side has taken the message; rejects with PermanentFailure when it never will. */
  send(message: Message): Promise<void>;
}

/** A refusal that trying again cannot change. */
export class PermanentFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PermanentFailure";
  }
}
