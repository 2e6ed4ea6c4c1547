import { effect, signal } from "@preact/signals";
import { onRememberedElsewhere, recall, remember } from "./storage.ts";

export type Theme = "system" | "light" | "dark";

const remembered = (): Theme => {
  const known = recall<string>("theme");
  return known === "light" || known === "dark" ? known : "system";
};

export const theme = signal<Theme>(remembered());
onRememberedElsewhere("theme", () => (theme.value = remembered()));
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function paint(next: Theme): void {
  theme.value = next;
  remember("theme", next);
}
