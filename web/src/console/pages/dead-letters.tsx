import type { DeadLetter } from "../../../../contracts/ops.ts";
import { usePages } from "../../lib/paging.ts";
import { Empty, Heading, Pager, Waiting, When } from "../../ui/bits.tsx";
import { Redrive } from "../redrive.tsx";
import { t } from "../words.ts";

export function DeadLetters() {
  const letters = usePages<DeadLetter>("/ops/dead-letters", { limit: 25 }, { everyMs: 5_000 });
  return (
    <>
      <Heading title={t("nav.deadLetters")} />
      <Waiting of={letters}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t("dead.none")} />
          ) : (
            <div class="card scroll" tabIndex={0} role="region" aria-label={t("nav.deadLetters")}>
              <table class="table">
                <thead>
                  <tr>
                    <th scope="col">{t("dead.event")}</th>
                    <th scope="col">{t("dead.consumer")}</th>
                    <th scope="col">{t("dead.reason")}</th>
                    <th class="number">{t("dead.attempts")}</th>
                    <th scope="col">{t("dead.at")}</th>
                    <td />
                  </tr>
                </thead>
                <tbody>
                  {items.map((letter) => (
                    <Row key={`${letter.id} ${letter.consumer}`} letter={letter} onDone={letters.reload} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Waiting>
      <Pager of={letters} />
    </>
  );
}

function Row({
  letter: { id, consumer, event, reason, attempts, at },
  onDone,
}: {
  letter: DeadLetter;
  onDone: () => void;
}) {
  return (
    <tr>
      <th scope="row">
        {event.type}
        <span class="block small faint">
          {event.type.startsWith("order.") ? (
            <a href={`/console/orders/${event.subject}`}>{t("dead.subject", { subject: event.subject })}</a>
          ) : (
            t("dead.subject", { subject: event.subject })
          )}
        </span>
      </th>
      <td>{consumer}</td>
      <td class="wrong">{reason ?? "–"}</td>
      <td class="number">{attempts}</td>
      <td>
        <When at={at} />
      </td>
      <td>
        <Redrive id={id} label={t("dead.redriveOf", { event: event.type, consumer })} onDone={onDone}>
          {t("dead.redrive")}
        </Redrive>
      </td>
    </tr>
  );
}
