import type { Notification } from "../../contracts/notify.ts";
import { toIso, toIsoOrNull } from "../../lib/time.ts";
import type { StoredNotification } from "./notifications.repository.ts";

export const notificationView = (stored: StoredNotification): Notification => ({
  id: stored.id,
  type: stored.type,
  orderId: stored.orderId,
  title: stored.title,
  body: stored.body,
  readAt: toIsoOrNull(stored.readAtMs),
  createdAt: toIso(stored.createdAtMs),
});

/** With the number by which a stream goes on after it. */
export const numbered = (stored: StoredNotification): { sequence: number; notification: Notification } => ({
  sequence: stored.sequence,
  notification: notificationView(stored),
});
