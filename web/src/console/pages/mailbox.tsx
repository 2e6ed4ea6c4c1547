import { useState } from "preact/hooks";
import type { Mail } from "../../../../contracts/notify.ts";
import { usePages } from "../../lib/paging.ts";
import { isProblem } from "../../lib/problem.ts";
import { Badge, Empty, Heading, Pager, Waiting, When } from "../../ui/bits.tsx";
import { t } from "../words.ts";

export function Mailbox() {
  const [to, setTo] = useState("");
  const mails = usePages<Mail>("/mailbox", { to, limit: 20 }, { everyMs: 5_000 });
  return (
    <>
      <Heading title={t("nav.mailbox")} />
      {isProblem(mails.error, "NOT_FOUND") ? (
        <Empty title={t("mailbox.off")} />
      ) : (
        <>
          <div class="filters">
            <label>
              {t("mailbox.to")}{" "}
              <input
                type="search"
                value={to}
                maxLength={254}
                onChange={(event) => setTo(event.currentTarget.value.trim())}
              />
            </label>
          </div>
          <Waiting of={mails}>
            {({ items }) =>
              items.length === 0 ? (
                <Empty title={t("mailbox.none")} />
              ) : (
                <ul class="stack">
                  {items.map((mail) => (
                    <Letter key={mail.id} mail={mail} />
                  ))}
                </ul>
              )
            }
          </Waiting>
          <Pager of={mails} />
        </>
      )}
    </>
  );
}

function Letter({ mail: { channel, to, subject, body, orderId, createdAt } }: { mail: Mail }) {
  return (
    <li class="card">
      <details>
        <summary class="split">
          <span>
            <Badge tone="plain">{channel}</Badge> <strong>{subject === "" ? body.slice(0, 60) : subject}</strong>
          </span>
          <span class="faint small">
            {to} · <When at={createdAt} />
          </span>
        </summary>
        <p class="prose letter">{body}</p>
        {orderId !== null && <a href={`/console/orders/${orderId}`}>{t("orders.order")}</a>}
      </details>
    </li>
  );
}
