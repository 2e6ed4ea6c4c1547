import type { ServiceSchema } from "moleculer";
import { configOf } from "../../../config.ts";
import { mixin } from "../../../mixins/mixin.ts";
import { openChannels, type Channels } from "./index.ts";

export interface WithChannels {
  channels: Channels;
}

/** Gives the service its channels as `this.channels`, and closes them once what is named after it has stopped. */
export function channelsMixin(): Partial<ServiceSchema> {
  return mixin<WithChannels>({
    async started() {
      this.channels = await openChannels(configOf(this.broker));
    },
    stopped() {
      // undefined when the database could not be opened
      (this.channels as Channels | undefined)?.close();
    },
  });
}
