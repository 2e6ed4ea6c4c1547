import { navigate } from "../../lib/router.ts";
import { language } from "../../lib/i18n.ts";
import { register } from "../../lib/session.ts";
import { Heading } from "../../ui/bits.tsx";
import { Field, FormBox, useForm } from "../../ui/form.tsx";
import { EmailField, SignInForm } from "../../ui/sign-in-form.tsx";
import { t as common } from "../../ui/words.ts";
import { t } from "../words.ts";

/** Signs in on the way to another page, or from the page of its own. */
export const SignIn = ({ then }: { then: string | null }) => (
  <SignInForm
    title={t("signIn.title")}
    onSignedIn={() => {
      if (then === null) navigate("/", { replace: true });
    }}
  >
    <p class="split">
      <a href="/forgot-password">{t("signIn.forgot")}</a>
      <span>
        {t("signIn.new")} <a href={`/register${then ? `?then=${then}` : ""}`}>{t("register.title")}</a>
      </span>
    </p>
  </SignInForm>
);

export function Register() {
  const form = useForm({ name: "", email: "", password: "" }, async ({ name, email, password }) => {
    await register({ name: name.trim(), email: email.trim(), password, locale: language.value });
    const then = new URLSearchParams(location.search).get("then") ?? "/";
    // only to a page of the shop: what follows may not lead elsewhere
    navigate(/^\/(?!\/)[\w/-]*$/.test(then) ? then : "/", { replace: true });
  });
  return (
    <div class="narrow">
      <Heading title={t("register.title")} />
      <FormBox of={form} class="form card">
        <Field form={form} name="name" label={t("register.name")} autocomplete="name" required />
        <EmailField form={form} />
        <Field
          form={form}
          name="password"
          label={common("signIn.password")}
          hint={t("register.passwordHint")}
          type="password"
          autocomplete="new-password"
          required
        />
        <button class="button primary wide" disabled={form.isBusy}>
          {t("register.go")}
        </button>
        <p>
          {t("register.known")} <a href="/sign-in">{t("signIn.title")}</a>
        </p>
      </FormBox>
    </div>
  );
}
