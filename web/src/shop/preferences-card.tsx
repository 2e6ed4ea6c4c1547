import type { Channel, NotificationPreferences } from "../../../contracts/users.ts";
import { get, put } from "../lib/api.ts";
import { useLoaded } from "../lib/loading.ts";
import { Waiting } from "../ui/bits.tsx";
import { FormBox, useForm } from "../ui/form.tsx";
import { tell } from "../ui/toast.tsx";
import { eventName } from "./story.ts";
import { t } from "./words.ts";

const channels: readonly Channel[] = ["in_app", "email", "sms"];

type EventType = keyof NotificationPreferences["events"];

/** Which events are worth a choice; the others go the usual way. */
const events: readonly EventType[] = [
  "order.created",
  "order.paid",
  "order.shipped",
  "order.completed",
  "order.cancelled",
  "order.expired",
  "order.refunded",
  "payment.succeeded",
  "payment.failed",
  "payment.refunded",
];

export function PreferencesCard() {
  const preferences = useLoaded(
    (signal) => get<NotificationPreferences>("/users/me/notification-preferences", {}, signal),
    [],
  );
  return (
    <section class="card" aria-labelledby="preferences">
      <h2 id="preferences">{t("account.preferences")}</h2>
      <Waiting of={preferences}>{(value) => <Grid preferences={value} onSaved={preferences.set} />}</Waiting>
    </section>
  );
}

interface GridProps {
  preferences: NotificationPreferences;
  onSaved: (preferences: NotificationPreferences) => void;
}

function Grid({ preferences, onSaved }: GridProps) {
  const form = useForm<NotificationPreferences>(preferences, async (values) => {
    onSaved(await put<NotificationPreferences>("/users/me/notification-preferences", values));
    tell(t("account.saved"));
  });
  const chosen = (event: EventType): readonly Channel[] => channelsOf(form.values, event);
  const toggle = (event: EventType, channel: Channel): void => {
    const before = chosen(event);
    const after = before.includes(channel) ? before.filter((one) => one !== channel) : [...before, channel];
    form.set("events", { ...form.values.events, [event]: after });
  };
  return (
    <FormBox of={form}>
      <table class="table choices-table">
        <thead>
          <tr>
            <td />
            {channels.map((channel) => (
              <th key={channel} scope="col">
                {t(`channel.${channel}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <tr key={event}>
              <th scope="row">{eventName(event)}</th>
              {channels.map((channel) => (
                <td key={channel}>
                  <input
                    type="checkbox"
                    aria-label={`${eventName(event)}: ${t(`channel.${channel}`)}`}
                    checked={chosen(event).includes(channel)}
                    onChange={() => toggle(event, channel)}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <button class="button primary" disabled={form.isBusy}>
        {t("account.save")}
      </button>
    </FormBox>
  );
}

/** What was chosen for an event, else what the server does with it by itself. */
const channelsOf = ({ events: named }: NotificationPreferences, event: EventType): readonly Channel[] =>
  named[event] ?? usual;

const usual: readonly Channel[] = ["in_app", "email"];
