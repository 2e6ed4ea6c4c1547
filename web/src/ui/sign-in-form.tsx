import type { ComponentChildren } from "preact";
import { signIn } from "../lib/session.ts";
import { Field, FormBox, useForm, type Form } from "./form.tsx";
import { Heading } from "./bits.tsx";
import { t } from "./words.ts";

interface Props {
  title: string;
  onSignedIn: () => void;
  /** What else a person who cannot sign in may do. */
  children?: ComponentChildren;
}

export function SignInForm({ title, onSignedIn, children }: Props) {
  const form = useForm({ email: "", password: "" }, async ({ email, password }) => {
    await signIn({ email: email.trim(), password });
    onSignedIn();
  });
  return (
    <div class="narrow">
      <Heading title={title} />
      <FormBox of={form} class="form card">
        <EmailField form={form} />
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
        {children}
      </FormBox>
    </div>
  );
}

/** The address by which a person is known here. */
export const EmailField = ({ form }: { form: Form<{ email: string }> }) => (
  <Field form={form} name="email" label={t("signIn.email")} type="email" autocomplete="username" required />
);
