import { navigate } from "../../lib/router.ts";
import { language } from "../../lib/i18n.ts";
import { register, signIn } from "../../lib/session.ts";
import { Heading } from "../../ui/bits.tsx";
import { Field, FormBox, useForm } from "../../ui/form.tsx";
import { t } from "../words.ts";

/** Signs in on the way to another page, or from the page of its own. */
export function SignIn({ then }: { then: string | null }) {
  const form = useForm({ email: "", password: "" }, async (values) => {
    await signIn({ ...values, email: values.email.trim() });
    if (then === null) navigate("/", { replace: true });
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
        <p class="split">
          <a href="/forgot-password">{t("signIn.forgot")}</a>
          <span>
            {t("signIn.new")} <a href={`/register${then ? `?then=${then}` : ""}`}>{t("register.title")}</a>
          </span>
        </p>
      </FormBox>
    </div>
  );
}

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
        <Field form={form} name="email" label={t("signIn.email")} type="email" autocomplete="username" required />
        <Field
          form={form}
          name="password"
          label={t("signIn.password")}
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
