import { useState } from "preact/hooks";
import { navigate } from "../../lib/router.ts";
import { send } from "../../lib/http.ts";
import { Heading } from "../../ui/bits.tsx";
import { Field, FormBox, useForm } from "../../ui/form.tsx";
import { Notice } from "../../ui/notice.tsx";
import { tell } from "../../ui/toast.tsx";
import { EmailField } from "../../ui/sign-in-form.tsx";
import { t } from "../words.ts";

export function ForgotPassword() {
  const [isSent, setSent] = useState(false);
  const ask = useForm({ email: "" }, async ({ email }) => {
    await send("POST", "/auth/password/forgot", { body: { email: email.trim() } });
    setSent(true);
  });
  const set = useForm({ token: "", newPassword: "" }, async ({ token, newPassword }) => {
    await send("POST", "/auth/password/reset", { body: { token: token.trim(), newPassword } });
    tell(t("forgot.done"));
    navigate("/sign-in", { replace: true });
  });
  return (
    <div class="narrow stack">
      <Heading title={t("forgot.title")} />
      <FormBox of={ask} class="form card">
        <p>{t("forgot.text")}</p>
        <EmailField form={ask} />
        <button class="button primary" disabled={ask.isBusy}>
          {t("forgot.send")}
        </button>
        {isSent && <Notice kind="good">{t("forgot.sent")}</Notice>}
      </FormBox>
      {isSent && (
        <FormBox of={set} class="form card">
          <Field form={set} name="token" label={t("forgot.token")} autocomplete="one-time-code" required />
          <Field
            form={set}
            name="newPassword"
            label={t("forgot.password")}
            hint={t("register.passwordHint")}
            type="password"
            autocomplete="new-password"
            required
          />
          <button class="button primary" disabled={set.isBusy}>
            {t("forgot.set")}
          </button>
        </FormBox>
      )}
    </div>
  );
}
