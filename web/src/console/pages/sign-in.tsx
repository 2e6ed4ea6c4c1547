import { navigate, path } from "../../lib/router.ts";
import { signIn } from "../../lib/session.ts";
import { Heading } from "../../ui/bits.tsx";
import { Field, FormBox, useForm } from "../../ui/form.tsx";
import { t } from "../words.ts";

export function SignIn() {
  const form = useForm({ email: "", password: "" }, async ({ email, password }) => {
    await signIn({ email: email.trim(), password });
    if (path.peek() === "/console/sign-in") navigate("/console", { replace: true });
  });
  return (
    <div class="narrow">
      <Heading title={t("signIn.title")} />
      <FormBox of={form} class="form card">
        <Field form={form} name="email" label={t("signIn.email")} type="email" autocomplete="username" required />
        <Field
          form={form}
          name="password"
          label={t("signIn.password")}
          type="password"
          autocomplete="current-password"
          required
        />
        <button class="button primary wide" disabled={form.isBusy}>
          {t("signIn.go")}
        </button>
      </FormBox>
    </div>
  );
}
