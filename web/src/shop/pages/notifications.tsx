import { useEffect, useState } from "preact/hooks";
import type { Notification } from "../../../../contracts/notify.ts";
import { usePages } from "../../lib/paging.ts";
import { Empty, Heading, Pager, Waiting, When } from "../../ui/bits.tsx";
import { latest, markRead } from "../notifications.ts";
import { t } from "../words.ts";

export function Notifications() {
  const [onlyUnread, setOnlyUnread] = useState(false);
  const notifications = usePages<Notification>("/notifications", { unread: onlyUnread ? true : undefined });
  const { reload } = notifications;
  const news = latest.value?.id;
  useEffect(() => {
    if (news !== undefined) reload();
  }, [news]);
  const read = async (notification: Notification): Promise<void> => {
    await markRead(notification);
    reload();
  };
  return (
    <>
      <Heading title={t("notifications.title")} />
      <div class="filters">
        <label class="check">
          <input
            type="checkbox"
            checked={onlyUnread}
            onChange={(event) => setOnlyUnread(event.currentTarget.checked)}
          />
          {t("notifications.unread")}
        </label>
      </div>
      <Waiting of={notifications}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t("notifications.none")} />
          ) : (
            <ul class="rows">
              {items.map((notification) => (
                <li class={`card note ${notification.readAt === null ? "unread" : ""}`} key={notification.id}>
                  <h2>{notification.title}</h2>
                  <p>{notification.body}</p>
                  <p class="row small">
                    <span class="faint">
                      <When at={notification.createdAt} />
                    </span>
                    {notification.orderId !== null && (
                      <a href={`/orders/${notification.orderId}`}>{t("notifications.order")}</a>
                    )}
                    {notification.readAt === null && (
                      // one that fails stays unread, and can be tried again
                      <button type="button" class="text-button" onClick={() => void read(notification).catch(reload)}>
                        {t("notifications.read")}
                      </button>
                    )}
                  </p>
                </li>
              ))}
            </ul>
          )
        }
      </Waiting>
      <Pager of={notifications} />
    </>
  );
}
