import { useState } from "preact/hooks";
import type { LiveReport, LiveValues } from "../../../../contracts/settings.ts";
import { get, patch } from "../../lib/api.ts";
import { moment } from "../../lib/i18n.ts";
import { useLoaded } from "../../lib/loading.ts";
import { Problem } from "../../lib/problem.ts";
import { Heading, Waiting } from "../../ui/bits.tsx";
import { Field, FormBox, Select, useForm } from "../../ui/form.tsx";
import { Notice } from "../../ui/notice.tsx";
import { tell } from "../../ui/toast.tsx";
import { t } from "../words.ts";

type Name = keyof LiveValues;
type Values = Record<Name, string>;

const numbers = [
  "rateLimit",
  "registerRateLimit",
  "loginFailuresPerAddress",
  "loginFailuresPerAccount",
  "orderTtlSeconds",
  "traceSampleRatio",
] as const satisfies readonly Name[];
const switches = ["ordersOpen", "registrationOpen"] as const satisfies readonly Name[];
const names: readonly Name[] = ["logLevel", ...switches, ...numbers];
const levels: readonly LiveValues["logLevel"][] = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

export function Settings() {
  const report = useLoaded((signal) => get<LiveReport>("/ops/config", {}, signal), []);
  return (
    <>
      <Heading title={t("nav.settings")} />
      <Waiting of={report}>{(value) => <Change key={value.changedAt} report={value} onDone={report.set} />}</Waiting>
    </>
  );
}

function Change({ report, onDone }: { report: LiveReport; onDone: (report: LiveReport) => void }) {
  const { values, set, changedAt } = report;
  const [isSame, setSame] = useState(false);
  const initial = Object.fromEntries(names.map((name) => [name, String(set[name] ?? "")])) as Values;
  const form = useForm(initial, async (wanted) => {
    const changed = names.filter((name) => wanted[name].trim() !== initial[name]);
    setSame(changed.length === 0);
    if (changed.length === 0) return;
    const body = Object.fromEntries(changed.map((name) => [name, valueOf(name, wanted[name].trim())]));
    onDone(await patch<LiveReport>("/ops/config", body));
    tell(t("settings.saved"));
  });
  const told = (value: LiveValues[Name]): string | number =>
    typeof value === "boolean" ? t(`settings.${value}`).toLowerCase() : value;
  const now = (name: Name): string => t("settings.value", { value: told(values[name]) });
  return (
    <div class="medium stack">
      <p class="faint">{t("settings.text")}</p>
      <FormBox of={form} class="form card">
        <Select
          form={form}
          name="logLevel"
          label={t("settings.logLevel")}
          hint={now("logLevel")}
          options={[["", t("settings.asStarted")], ...levels.map((level) => [level, level] as const)]}
        />
        {switches.map((name) => (
          <Select
            key={name}
            form={form}
            name={name}
            label={t(`settings.${name}`)}
            hint={now(name)}
            options={[
              ["", t("settings.asStarted")],
              ["true", t("settings.true")],
              ["false", t("settings.false")],
            ]}
          />
        ))}
        {numbers.map((name) => (
          <Field
            key={name}
            form={form}
            name={name}
            label={t(`settings.${name}`)}
            hint={now(name)}
            placeholder={t("settings.asStarted")}
            inputMode="decimal"
          />
        ))}
        {isSame && <Notice kind="info">{t("settings.nothing")}</Notice>}
        <button class="button primary" disabled={form.isBusy}>
          {t("settings.save")}
        </button>
        {changedAt !== null && <p class="faint small">{t("settings.changed", { time: moment(changedAt) })}</p>}
      </FormBox>
    </div>
  );
}

function valueOf(name: Name, text: string): string | number | boolean | null {
  if (text === "") return null;
  if (name === "logLevel") return text;
  if (name === "ordersOpen" || name === "registrationOpen") return text === "true";
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  const message = t("settings.badNumber");
  throw new Problem(422, { code: "VALIDATION_FAILED", errors: [{ field: name, code: "NUMBER", message }] }, null);
}
