import { Icon } from "../ui/icon.tsx";
import { t } from "./words.ts";

interface QuantityProps {
  label: string;
  /** Of the product. */
  name: string;
  value: number;
  onChange: (value: number) => void;
}

export function Quantity({ label, name, value, onChange }: QuantityProps) {
  return (
    <div class="quantity">
      <button
        type="button"
        aria-label={t("basket.fewer", { name })}
        disabled={value <= 1}
        onClick={() => onChange(value - 1)}
      >
        <Icon name="minus" />
      </button>
      <input
        type="text"
        inputMode="numeric"
        aria-label={label}
        value={value}
        onChange={(event) => onChange(Math.max(1, Math.floor(Number(event.currentTarget.value)) || 1))}
      />
      <button type="button" aria-label={t("basket.more", { name })} onClick={() => onChange(value + 1)}>
        <Icon name="plus" />
      </button>
    </div>
  );
}
