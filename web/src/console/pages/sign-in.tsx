import { navigate, path } from "../../lib/router.ts";
import { SignInForm } from "../../ui/sign-in-form.tsx";
import { t } from "../words.ts";

export const SignIn = () => (
  <SignInForm
    title={t("signIn.title")}
    onSignedIn={() => {
      if (path.peek() === "/console/sign-in") navigate("/console", { replace: true });
    }}
  />
);
