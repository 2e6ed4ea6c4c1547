import { useState } from "preact/hooks";
import type { AuditAction, AuditEntry } from "../../../../contracts/audit-log.ts";
import { moment } from "../../lib/i18n.ts";
import { usePages } from "../../lib/paging.ts";
import { Badge, Empty, Heading, Pager, Waiting } from "../../ui/bits.tsx";
import { t } from "../words.ts";

/** A table, so that the compiler finds an action that is missing here. */
const isAction: Record<AuditAction, true> = {
  login: true,
  logout: true,
  "token.reuse": true,
  registration: true,
  "password.change": true,
  "password.reset": true,
  "access.change": true,
  "access.refused": true,
  "data.export": true,
  "data.erase": true,
  "key.rotation": true,
  "stock.change": true,
  refund: true,
  redrive: true,
  "settings.change": true,
};
const actions = Object.keys(isAction);

/** Whoever works on the system's own machine, with the REPL or a script. */
const operator = "00000000-0000-7000-8000-000000000000";

export function Audit() {
  const [action, setAction] = useState("");
  const entries = usePages<AuditEntry>("/ops/audit", { action, limit: 50 });
  return (
    <>
      <Heading title={t("nav.audit")} />
      <div class="filters">
        <label>
          {t("audit.action")}{" "}
          <select value={action} onChange={(event) => setAction(event.currentTarget.value)}>
            <option value="">{t("audit.all")}</option>
            {actions.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Waiting of={entries}>
        {({ items }) => (items.length === 0 ? <Empty title={t("audit.none")} /> : <Entries entries={items} />)}
      </Waiting>
      <Pager of={entries} />
    </>
  );
}

function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label={t("nav.audit")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("audit.when")}</th>
            <th scope="col">{t("audit.action")}</th>
            <th scope="col">{t("audit.target")}</th>
            <th scope="col">{t("audit.who")}</th>
            <th scope="col">{t("audit.outcome")}</th>
            <th scope="col">{t("audit.from")}</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ id, at, action, target, actor, outcome, clientAddress }) => (
            <tr key={id}>
              <td class="whole">{moment(at)}</td>
              <th scope="row">{action}</th>
              <td>
                <code>{target}</code>
              </td>
              <td>
                <Actor id={actor} />
              </td>
              <td>
                <Badge tone={outcome === "done" ? "good" : "bad"}>{t(`audit.${outcome}`)}</Badge>
              </td>
              <td>{clientAddress ?? t("audit.nobody")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Actor({ id }: { id: string | null }) {
  if (id === null) return <>{t("audit.nobody")}</>;
  if (id === operator) return <>{t("audit.operator")}</>;
  return (
    <a href={`/console/users?id=${id}`}>
      <code>{id.slice(-8)}</code>
    </a>
  );
}
