import { useState } from "preact/hooks";
import type { Profile } from "../../../../contracts/users.ts";
import { get, patch } from "../../lib/api.ts";
import { useLoaded } from "../../lib/loading.ts";
import { usePages } from "../../lib/paging.ts";
import { search } from "../../lib/router.ts";
import { keepProfile, user } from "../../lib/session.ts";
import { Badge, Empty, Heading, Pager, Waiting, When } from "../../ui/bits.tsx";
import { describeField } from "../../ui/describe.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { FormBox, Select, useForm } from "../../ui/form.tsx";
import { tell } from "../../ui/toast.tsx";
import { t } from "../words.ts";

type Role = Profile["roles"][number];
const roles: readonly Role[] = ["customer", "support", "admin"];

export function Users() {
  const id = search.value.get("id");
  return (
    <>
      <Heading title={t("nav.users")} aside={id !== null && <a href="/console/users">{t("audit.all")}</a>} />
      {id === null ? <Everybody /> : <Somebody id={id} />}
    </>
  );
}

function Everybody() {
  const [email, setEmail] = useState("");
  const users = usePages<Profile>("/users", { email, limit: 25 });
  return (
    <>
      <div class="filters">
        <label>
          {t("users.find")}{" "}
          <input
            type="search"
            inputMode="email"
            value={email}
            maxLength={320}
            onChange={(event) => setEmail(event.currentTarget.value.trim())}
          />
        </label>
      </div>
      <Waiting of={users}>
        {({ items }) =>
          items.length === 0 ? <Empty title={t("users.none")} /> : <People people={items} onChange={users.reload} />
        }
      </Waiting>
      <Pager of={users} />
    </>
  );
}

function Somebody({ id }: { id: string }) {
  const found = useLoaded((signal) => get<Profile>(`/users/${encodeURIComponent(id)}`, {}, signal), [id]);
  return <Waiting of={found}>{(profile) => <People people={[profile]} onChange={found.reload} />}</Waiting>;
}

function People({ people, onChange }: { people: readonly Profile[]; onChange: () => void }) {
  const [changed, setChanged] = useState<Profile | null>(null);
  return (
    <div class="card scroll" tabIndex={0} role="region" aria-label={t("nav.users")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t("users.name")}</th>
            <th scope="col">{t("users.email")}</th>
            <th scope="col">{t("users.roles")}</th>
            <th scope="col">{t("users.status")}</th>
            <th scope="col">{t("users.since")}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {people.map((profile) => (
            <tr key={profile.id}>
              <th scope="row">{profile.name}</th>
              <td>{profile.email}</td>
              <td class="whole">{profile.roles.map((role) => t(`role.${role}`)).join(", ")}</td>
              <td>
                <Badge tone={profile.status === "active" ? "good" : "bad"}>{t(`users.${profile.status}`)}</Badge>
              </td>
              <td>
                <When at={profile.createdAt} />
              </td>
              <td>
                <span class="row">
                  <a href={`/console/orders?customerId=${profile.id}`}>{t("users.orders")}</a>
                  <button
                    type="button"
                    class="button small"
                    aria-label={t("users.changeOf", { name: profile.name })}
                    onClick={() => setChanged(profile)}
                  >
                    {t("users.change")}
                  </button>
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {changed && (
        <Change
          profile={changed}
          onClose={() => setChanged(null)}
          onDone={() => {
            setChanged(null);
            onChange();
          }}
        />
      )}
    </div>
  );
}

interface ChangeProps {
  profile: Profile;
  onClose: () => void;
  onDone: () => void;
}

function Change({ profile, onClose, onDone }: ChangeProps) {
  const form = useForm({ roles: profile.roles, status: profile.status }, async (values) => {
    const changed = await patch<Profile>(`/users/${profile.id}`, values);
    if (changed.id === user.peek()?.id) keepProfile(changed);
    tell(t("users.saved"));
    onDone();
  });
  const toggle = (role: Role): void => {
    const has = form.values.roles.includes(role);
    form.set("roles", has ? form.values.roles.filter((one) => one !== role) : [...form.values.roles, role]);
  };
  form.shows("roles");
  const wrongRoles = form.wrongWith("roles");
  return (
    <Dialog title={profile.email} onClose={onClose}>
      <FormBox of={form}>
        <fieldset class="choices">
          <legend>{t("users.roles")}</legend>
          {roles.map((role) => (
            <label class="choice" key={role}>
              <input type="checkbox" checked={form.values.roles.includes(role)} onChange={() => toggle(role)} />
              <span>{t(`role.${role}`)}</span>
            </label>
          ))}
          {wrongRoles && <p class="wrong">{describeField(wrongRoles)}</p>}
        </fieldset>
        <Select
          form={form}
          name="status"
          label={t("users.status")}
          options={[
            ["active", t("users.active")],
            ["disabled", t("users.disabled")],
          ]}
        />
        <button class="button primary" disabled={form.isBusy}>
          {t("users.save")}
        </button>
      </FormBox>
    </Dialog>
  );
}
