import { navigate, path } from "../lib/router.ts";
import { isAdmin, isStaff, signOut, user } from "../lib/session.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { Preferences } from "../ui/preferences.tsx";
import { t as common } from "../ui/words.ts";
import { t } from "./words.ts";

type Words = Parameters<typeof t>[0];

const orders = ["/console/orders", "nav.orders", "box"] as const;
const entries: readonly (readonly [path: string, words: Words, icon: IconName])[] = [
  ["/console", "nav.overview", "pulse"],
  ["/console/nodes", "nav.nodes", "nodes"],
  orders,
  ["/console/stock", "nav.stock", "list"],
  ["/console/users", "nav.users", "users"],
  ["/console/dead-letters", "nav.deadLetters", "warning"],
  ["/console/doctor", "nav.doctor", "heart"],
  ["/console/mailbox", "nav.mailbox", "mail"],
  ["/console/settings", "nav.settings", "gear"],
  ["/console/audit", "nav.audit", "clock"],
];

export function Sidebar() {
  const shown = isAdmin.value ? entries : isStaff.value ? [orders] : [];
  const leave = async (): Promise<void> => {
    await signOut();
    navigate("/console");
  };
  return (
    <header class="side">
      <a class="skip" href="#content">
        {common("skip")}
      </a>
      <div class="side-head">
        <a class="brand" href="/console">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M9 8v16M23 8v16M9 16h14" />
            <circle cx="16" cy="16" r="3.6" />
          </svg>
          <span>{t("title")}</span>
        </a>
        <Preferences />
      </div>
      {shown.length > 0 && (
        <nav aria-label={common("menu")}>
          {shown.map(([to, words, icon]) => (
            <a key={to} href={to} aria-current={isHere(to) ? "page" : undefined}>
              <Icon name={icon} />
              {t(words)}
            </a>
          ))}
        </nav>
      )}
      <div class="side-foot">
        {user.value && <p class="faint small clip">{user.value.email}</p>}
        <a href="/">{t("nav.shop")}</a>
        {user.value && (
          <button type="button" class="text-button" onClick={() => void leave()}>
            {t("nav.signOut")}
          </button>
        )}
      </div>
    </header>
  );
}

const isHere = (to: string): boolean => (to === "/console" ? path.value === to : path.value.startsWith(to));
