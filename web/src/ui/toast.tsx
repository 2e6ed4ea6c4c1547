import { signal } from "@preact/signals";
import { delay } from "../lib/time.ts";
import { Icon } from "./icon.tsx";
import { t } from "./words.ts";

interface Toast {
  id: number;
  text: string;
  href: string | undefined;
}

const toasts = signal<readonly Toast[]>([]);
let told = 0;
const shownMs = 6_000;

/** Says something in passing, also to those who listen instead of looking. */
export function tell(text: string, href?: string): void {
  const id = (told += 1);
  toasts.value = [...toasts.value.slice(-2), { id, text, href }];
  void delay(shownMs).then(() => dismiss(id));
}

const dismiss = (id: number): void => void (toasts.value = toasts.value.filter((toast) => toast.id !== id));

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, href }) => (
        <div class="toast" key={id}>
          {href === undefined ? <span>{text}</span> : <a href={href}>{text}</a>}
          <button type="button" class="icon-button" aria-label={t("close")} onClick={() => dismiss(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
