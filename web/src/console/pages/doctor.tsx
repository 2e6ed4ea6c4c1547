import { useState } from "preact/hooks";
import type { DoctorCheck, DoctorReport } from "../../../../contracts/ops.ts";
import { get } from "../../lib/api.ts";
import { moment, number } from "../../lib/i18n.ts";
import { Badge, Heading } from "../../ui/bits.tsx";
import { Failure, Notice } from "../../ui/notice.tsx";
import { t } from "../words.ts";

export function Doctor() {
  const [report, setReport] = useState<DoctorReport | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const examine = async (): Promise<void> => {
    setBusy(true);
    try {
      setReport(await get<DoctorReport>("/ops/doctor"));
      setError(null);
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  return (
    <>
      <Heading
        title={t("nav.doctor")}
        aside={
          <button type="button" class="button primary" disabled={isBusy} onClick={() => void examine()}>
            {isBusy ? t("doctor.running") : t("doctor.run")}
          </button>
        }
      />
      <div class="stack" aria-busy={isBusy}>
        <p class="faint">{t("doctor.text")}</p>
        {error !== null && <Failure error={error} />}
        {report && <Report report={report} />}
      </div>
    </>
  );
}

function Report({ report: { ok, at, checks } }: { report: DoctorReport }) {
  return (
    <>
      <Notice kind={ok ? "good" : "bad"}>
        <strong>{ok ? t("doctor.healthy") : t("doctor.ill")}</strong>
        <span class="small">{t("doctor.at", { time: moment(at) })}</span>
      </Notice>
      <div class="card scroll" tabIndex={0} role="region" aria-label={t("nav.doctor")}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{t("doctor.check")}</th>
              <td />
              <th class="number">{t("doctor.checked")}</th>
              <th class="number">{t("doctor.violations")}</th>
            </tr>
          </thead>
          <tbody>
            {checks.map((check) => (
              <Row key={`${check.id} ${check.title}`} check={check} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Row({ check: { id, title, ok, checked, violations, examples, problem } }: { check: DoctorCheck }) {
  return (
    <tr>
      <th scope="row">
        <code>{id}</code> {title}
        {problem !== null && <span class="block wrong">{problem}</span>}
        {examples.map((example) => (
          <span key={example} class="block small wrong">
            {example}
          </span>
        ))}
      </th>
      <td>
        {problem !== null ? (
          <Badge tone="wait">{t("doctor.unknown")}</Badge>
        ) : (
          <Badge tone={ok ? "good" : "bad"}>{ok ? t("doctor.ok") : t("doctor.violated")}</Badge>
        )}
      </td>
      <td class="number">{number(checked)}</td>
      <td class="number">{number(violations)}</td>
    </tr>
  );
}
