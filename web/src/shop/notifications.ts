import { effect, signal } from "@preact/signals";
import type { Notification } from "../../../contracts/notify.ts";
import { get, post, type Page } from "../lib/api.ts";
import { returns } from "../lib/connection.ts";
import { path } from "../lib/router.ts";
import { user } from "../lib/session.ts";
import { listen } from "../lib/stream.ts";
import { tell } from "../ui/toast.tsx";

/** The newest that came while the shop was open. */
export const latest = signal<Notification | null>(null);

/** How many of the newest hundred are unread. */
export const unread = signal(0);

export async function countUnread(): Promise<void> {
  const { items } = await get<Page<Notification>>("/notifications", { unread: true, limit: 100 });
  unread.value = items.length;
}

export async function markRead({ id }: Notification): Promise<void> {
  await post(`/notifications/${id}/read`);
  await countUnread();
}

/** Listens for as long as somebody is signed in. */
export function followNotifications(): () => void {
  return effect(() => {
    const id = user.value?.id;
    void returns.value;
    if (id === undefined) {
      unread.value = 0;
      return undefined;
    }
    const gone = new AbortController();
    // the badge can wait for the next notification
    void countUnread().catch(() => undefined);
    void listen(
      "/notifications/stream",
      ({ type, data }) => {
        if (type !== "notification") return;
        const notification = JSON.parse(data) as Notification;
        latest.value = notification;
        unread.value += 1;
        // whoever looks at the order sees it there
        if (path.peek() === `/orders/${notification.orderId ?? ""}`) return;
        tell(notification.title, notification.orderId === null ? "/notifications" : `/orders/${notification.orderId}`);
      },
      gone.signal,
    );
    return () => gone.abort();
  });
}
