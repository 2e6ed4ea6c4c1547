import { useState } from "preact/hooks";
import type { Address, Profile } from "../../../../contracts/users.ts";
import { get, patch, post, remove, type Page } from "../../lib/api.ts";
import { speak } from "../../lib/i18n.ts";
import { useLoaded, type Loaded } from "../../lib/loading.ts";
import { navigate } from "../../lib/router.ts";
import { endSession, keepProfile, signOut, user } from "../../lib/session.ts";
import { Heading, Waiting } from "../../ui/bits.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, FormBox, Select, useForm } from "../../ui/form.tsx";
import { Failure } from "../../ui/notice.tsx";
import { tell } from "../../ui/toast.tsx";
import { AddressForm, addressText } from "../address-form.tsx";
import { PreferencesCard } from "../preferences-card.tsx";
import { t } from "../words.ts";

export function Account() {
  const profile = useLoaded((signal) => get<Profile>("/users/me", {}, signal), []);
  const leave = async (): Promise<void> => {
    await signOut();
    navigate("/");
  };
  return (
    <>
      <Heading
        title={t("account.title")}
        aside={
          <button type="button" class="button" onClick={() => void leave()}>
            {t("nav.signOut")}
          </button>
        }
      />
      <div class="columns">
        <Waiting of={profile}>{(value) => <ProfileCard profile={value} />}</Waiting>
        <Addresses />
        <PasswordCard />
        <PreferencesCard />
        <YourData />
      </div>
    </>
  );
}

function ProfileCard({ profile }: { profile: Profile }) {
  const form = useForm({ name: profile.name, locale: profile.locale }, async ({ name, locale }) => {
    const changed = await patch<Profile>("/users/me", { name: name.trim(), locale });
    keepProfile(changed);
    if (changed.locale !== user.peek()?.locale) speak(changed.locale);
    tell(t("account.saved"));
  });
  return (
    <section class="card" aria-labelledby="profile">
      <h2 id="profile">{t("account.profile")}</h2>
      <FormBox of={form}>
        <p class="faint">{profile.email}</p>
        <Field form={form} name="name" label={t("account.name")} autocomplete="name" required />
        <Select
          form={form}
          name="locale"
          label={t("account.locale")}
          options={[
            ["en", "English"],
            ["zh", "中文"],
          ]}
        />
        <button class="button primary" disabled={form.isBusy}>
          {t("account.save")}
        </button>
      </FormBox>
    </section>
  );
}

function Addresses() {
  const addresses = useLoaded((signal) => get<Page<Address>>("/users/me/addresses", { limit: 100 }, signal), []);
  return (
    <section class="card stack" aria-labelledby="addresses">
      <h2 id="addresses">{t("account.addresses")}</h2>
      <Waiting of={addresses}>{({ items }) => <AddressList items={items} of={addresses} />}</Waiting>
    </section>
  );
}

function AddressList({ items, of }: { items: readonly Address[]; of: Loaded<Page<Address>> }) {
  const [edited, setEdited] = useState<Address | "new" | null>(null);
  const [error, setError] = useState<unknown>(null);
  const drop = async ({ id }: Address): Promise<void> => {
    try {
      await remove(`/users/me/addresses/${id}`);
      setError(null);
    } catch (failure) {
      setError(failure);
    }
    of.reload();
  };
  return (
    <>
      {items.length === 0 && <p class="faint">{t("account.noAddresses")}</p>}
      <ul class="plain-list">
        {items.map((address) => (
          <li key={address.id} class="split">
            <span>{addressText(address)}</span>
            <span class="row">
              <button
                type="button"
                class="text-button"
                aria-label={t("address.editOf", { name: address.line1 })}
                onClick={() => setEdited(address)}
              >
                {t("address.edit")}
              </button>
              <button
                type="button"
                class="text-button"
                aria-label={t("address.removeOf", { name: address.line1 })}
                onClick={() => void drop(address)}
              >
                {t("address.remove")}
              </button>
            </span>
          </li>
        ))}
      </ul>
      {error !== null && <Failure error={error} />}
      <button type="button" class="button" onClick={() => setEdited("new")}>
        {t("address.add")}
      </button>
      {edited !== null && (
        <Dialog title={edited === "new" ? t("address.add") : t("address.edit")} onClose={() => setEdited(null)}>
          <AddressForm
            address={edited === "new" ? null : edited}
            onSaved={() => {
              setEdited(null);
              of.reload();
            }}
          />
        </Dialog>
      )}
    </>
  );
}

const noPasswords = { currentPassword: "", newPassword: "" };

function PasswordCard() {
  const form = useForm(noPasswords, async (values) => {
    await post("/auth/password", values);
    form.reset(noPasswords);
    tell(t("account.passwordChanged"));
  });
  return (
    <section class="card" aria-labelledby="password">
      <h2 id="password">{t("account.password")}</h2>
      <FormBox of={form}>
        <Field
          form={form}
          name="currentPassword"
          label={t("account.currentPassword")}
          type="password"
          autocomplete="current-password"
          required
        />
        <Field
          form={form}
          name="newPassword"
          label={t("account.newPassword")}
          hint={t("register.passwordHint")}
          type="password"
          autocomplete="new-password"
          required
        />
        <button class="button primary" disabled={form.isBusy}>
          {t("account.changePassword")}
        </button>
      </FormBox>
    </section>
  );
}

function YourData() {
  const [isErasing, setErasing] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const attempt = (work: () => Promise<void>) => (): void => {
    setError(null);
    void work().catch(setError);
  };
  const download = attempt(async () => {
    const held = await get<object>("/users/me/export");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(held, null, 2)], { type: "application/json" }));
    link.download = "enterprise-hub.json";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  const everywhere = attempt(async () => {
    await post("/auth/logout-all");
    endSession();
    navigate("/");
  });
  const erase = attempt(async () => {
    await remove("/users/me");
    endSession();
    tell(t("account.erased"));
    navigate("/");
  });
  return (
    <section class="card stack" aria-labelledby="data">
      <h2 id="data">{t("account.data")}</h2>
      <div class="row">
        <button type="button" class="button" onClick={download}>
          {t("account.export")}
        </button>
        <button type="button" class="button" onClick={everywhere}>
          {t("account.signOutAll")}
        </button>
        <button type="button" class="button danger" onClick={() => setErasing(true)}>
          {t("account.erase")}
        </button>
      </div>
      {error !== null && !isErasing && <Failure error={error} />}
      {isErasing && (
        <Dialog title={t("account.erase")} onClose={() => setErasing(false)}>
          <div class="form">
            <p>{t("account.erase.text")}</p>
            {error !== null && <Failure error={error} />}
            <button type="button" class="button danger" onClick={erase}>
              {t("account.erase.confirm")}
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}
