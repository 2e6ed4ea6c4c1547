import type { NextStep as Step } from "../../../contracts/ops.ts";
import { Notice } from "../ui/notice.tsx";
import { Redrive } from "./redrive.tsx";
import { t } from "./words.ts";

/** What stands in the order's way, with the remedy where the console has one. */
export function NextStep({ step, onDone }: { step: Step | null; onDone: () => void }) {
  return (
    <section class="card stack" aria-labelledby="next-step">
      <h2 id="next-step">{t("order.nextStep")}</h2>
      {step === null ? (
        <Notice kind="good">{t("order.nextStep.none")}</Notice>
      ) : (
        <>
          <Notice kind="info">
            <strong>{step.action}</strong> {step.why}
          </Notice>
          {step.action === "redrive" && (
            <Redrive id={step.target} label={t("order.redrive")} onDone={onDone}>
              {t("order.redrive")}
            </Redrive>
          )}
        </>
      )}
    </section>
  );
}
