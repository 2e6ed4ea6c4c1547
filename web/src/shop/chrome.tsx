import { path, navigate, search } from "../lib/router.ts";
import { isStaff, signOut, user } from "../lib/session.ts";
import { Icon } from "../ui/icon.tsx";
import { Preferences } from "../ui/preferences.tsx";
import { t as common } from "../ui/words.ts";
import { itemCount } from "./basket.ts";
import { unread } from "./notifications.ts";
import { t } from "./words.ts";

export function Header() {
  return (
    <header class="top">
      <a class="skip" href="#content">
        {common("skip")}
      </a>
      <div class="bar">
        <a class="brand" href="/" aria-label="EnterpriseHub">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M9 8v16M23 8v16M9 16h14" />
            <circle cx="16" cy="16" r="3.6" />
          </svg>
          <span>EnterpriseHub</span>
        </a>
        <SearchBox />
        <nav class="links" aria-label={common("menu")}>
          {user.value ? <SignedIn /> : <NavLink to="/sign-in">{t("nav.signIn")}</NavLink>}
          <a class="icon-link" href="/basket" aria-label={t("nav.basketOf", { n: itemCount.value })}>
            <Icon name="basket" />
            {itemCount.value > 0 && <b aria-hidden="true">{itemCount.value}</b>}
          </a>
        </nav>
        <Preferences />
      </div>
    </header>
  );
}

function SignedIn() {
  const n = unread.value;
  return (
    <>
      {isStaff.value && <a href="/console">{t("nav.console")}</a>}
      <NavLink to="/orders">{t("nav.orders")}</NavLink>
      <a class="icon-link" href="/notifications" aria-label={n > 0 ? t("nav.unread", { n }) : t("nav.notifications")}>
        <Icon name="bell" />
        {n > 0 && <b aria-hidden="true">{n > 99 ? "99+" : n}</b>}
      </a>
      <a class="icon-link" href="/account" aria-label={t("nav.account")}>
        <Icon name="person" />
      </a>
    </>
  );
}

function NavLink({ to, children }: { to: string; children: string }) {
  return (
    <a href={to} aria-current={path.value === to ? "page" : undefined}>
      {children}
    </a>
  );
}

function SearchBox() {
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get("search");
    const wanted = typeof text === "string" ? text.trim().slice(0, 100) : "";
    navigate(wanted === "" ? "/" : `/?search=${encodeURIComponent(wanted)}`);
  };
  const now = path.value === "/" ? (search.value.get("search") ?? "") : "";
  return (
    <form class="search" role="search" onSubmit={onSubmit}>
      <Icon name="search" />
      <input
        key={now}
        type="search"
        name="search"
        maxLength={100}
        defaultValue={now}
        placeholder={t("catalogue.placeholder")}
        aria-label={t("catalogue.search")}
      />
      <button type="submit" class="unseen">
        {t("catalogue.find")}
      </button>
    </form>
  );
}

export function Footer() {
  const leave = async (): Promise<void> => {
    await signOut();
    navigate("/");
  };
  return (
    <footer class="bottom">
      <span>EnterpriseHub — {t("tagline")}</span>
      <a href="/docs">{t("footer.api")}</a>
      {user.value && (
        <button type="button" class="text-button" onClick={() => void leave()}>
          {t("nav.signOut")}
        </button>
      )}
    </footer>
  );
}
