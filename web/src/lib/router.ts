import { computed, signal } from "@preact/signals";

const here = signal(new URL(location.href));
export const path = computed(() => here.value.pathname);
export const search = computed(() => here.value.searchParams);

/** Counts the pages that were gone to, so that each can take the focus once. */
export const visits = signal(0);

addEventListener("popstate", () => arrive());

function arrive(): void {
  const before = here.value.pathname;
  here.value = new URL(location.href);
  if (before !== here.value.pathname) visits.value += 1;
}

export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  const before = path.value;
  arrive();
  if (before !== path.value) scrollTo(0, 0);
}

/** The parameters when the path fits: `/orders/:id`. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? "";
    if (part.startsWith(":") && value !== "") params[part.slice(1)] = decoded(value);
    else if (part !== value) return null;
  }
  return params;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Follows links to pages of this application without loading it anew. */
export function followLinks(patterns: readonly string[]): void {
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element | null)?.closest("a");
    if (!link || link.target !== "" || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.hash !== "" && link.pathname === location.pathname) return;
    if (!patterns.some((pattern) => match(pattern, link.pathname))) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
