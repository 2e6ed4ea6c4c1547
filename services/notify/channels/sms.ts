import { PermanentFailure, type Channel } from "./channel.ts";

/**
 * SMS where messages really leave. No provider is part of this system yet, so each message fails for good and says so;
 * one is added here, behind the same interface.
 */
export const smsChannel = (): Channel => ({
  name: "sms",
  send: () => Promise.reject(new PermanentFailure("no SMS gateway is configured")),
});
