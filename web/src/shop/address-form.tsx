import { countryCodes } from "../../../contracts/country-codes.ts";
import type { Address } from "../../../contracts/users.ts";
import { patch, post } from "../lib/api.ts";
import { language } from "../lib/i18n.ts";
import { Field, FormBox, Select, useForm } from "../ui/form.tsx";
import { t } from "./words.ts";

const fields = ["name", "line1", "line2", "city", "region", "postalCode", "country", "phone"] as const;
const optional: readonly string[] = ["line2", "region", "phone"];
type Values = Record<(typeof fields)[number], string>;

interface AddressFormProps {
  /** Null to add one. */
  address: Address | null;
  onSaved: (address: Address) => void;
}

export function AddressForm({ address, onSaved }: AddressFormProps) {
  const initial = Object.fromEntries(fields.map((name) => [name, address?.[name] ?? ""])) as Values;
  const form = useForm<Values>({ ...initial, country: address?.country ?? "GB" }, async (values) => {
    const trimmed = Object.entries(values).map(([name, value]) => [name, value.trim()] as const);
    const given = trimmed.map(([name, value]) => [name, value === "" && optional.includes(name) ? null : value]);
    const body: unknown = Object.fromEntries(given);
    onSaved(
      address
        ? await patch<Address>(`/users/me/addresses/${address.id}`, body)
        : await post<Address>("/users/me/addresses", body),
    );
  });
  return (
    <FormBox of={form}>
      <Field form={form} name="name" label={t("address.name")} autocomplete="name" required />
      <Field form={form} name="line1" label={t("address.line1")} autocomplete="address-line1" required />
      <Field
        form={form}
        name="line2"
        label={t("address.line2")}
        hint={t("address.optional")}
        autocomplete="address-line2"
      />
      <div class="pair">
        <Field form={form} name="postalCode" label={t("address.postalCode")} autocomplete="postal-code" required />
        <Field form={form} name="city" label={t("address.city")} autocomplete="address-level2" required />
      </div>
      <div class="pair">
        <Field
          form={form}
          name="region"
          label={t("address.region")}
          hint={t("address.optional")}
          autocomplete="address-level1"
        />
        <Select form={form} name="country" label={t("address.country")} options={countries()} autocomplete="country" />
      </div>
      <Field
        form={form}
        name="phone"
        label={t("address.phone")}
        hint={t("address.optional")}
        type="tel"
        autocomplete="tel"
      />
      <button class="button primary" disabled={form.isBusy}>
        {t("address.save")}
      </button>
    </FormBox>
  );
}

const known = new Map<string, readonly (readonly [string, string])[]>();

/** Codes and names in the language of the page, by name. */
function countries(): readonly (readonly [string, string])[] {
  const now = language.value;
  let options = known.get(now);
  if (!options) {
    const names = new Intl.DisplayNames(now, { type: "region" });
    options = countryCodes
      .map((code) => [code, names.of(code) ?? code] as const)
      .sort(([, a], [, b]) => a.localeCompare(b, now));
    known.set(now, options);
  }
  return options;
}

export const addressText = ({ name, line1, line2, postalCode, city, country }: Omit<Address, "id">): string =>
  [name, line1, line2, `${postalCode} ${city}`, country].filter(Boolean).join(", ");
