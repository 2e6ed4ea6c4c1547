import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { moment, relative } from "../lib/i18n.ts";
import type { Loaded } from "../lib/loading.ts";
import type { Paged } from "../lib/paging.ts";
import { visits } from "../lib/router.ts";
import { Failure } from "./notice.tsx";
import { Icon } from "./icon.tsx";
import { t } from "./words.ts";

/** A page's name: in the title of the window, and where the focus goes when one arrives. */
export function Heading({ title, aside }: { title: string; aside?: ComponentChildren }) {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · EnterpriseHub`;
  }, [title]);
  useEffect(() => {
    if (visits.peek() > 0) ref.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="heading">
      <h1 ref={ref} tabIndex={-1}>
        {title}
      </h1>
      {aside}
    </div>
  );
}

/** What was loaded; before that a sign that something comes, and what went wrong if it does not. */
export function Waiting<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChildren }) {
  if (of.value === undefined) {
    return of.error === null ? <Skeleton /> : <Failure error={of.error} retry={of.reload} />;
  }
  return (
    <>
      {of.error !== null && <Failure error={of.error} retry={of.reload} />}
      {children(of.value)}
    </>
  );
}

export function Skeleton() {
  return (
    <div class="skeleton" role="status">
      <span class="unseen">{t("loading")}</span>
      <i />
      <i />
      <i />
    </div>
  );
}

/** Nothing is there, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name="box" />
      <p>{title}</p>
      {children}
    </div>
  );
}

export function Pager<T>({ of }: { of: Paged<T> }) {
  if (!of.next && !of.previous) return null;
  return (
    <nav class="pager" aria-label={t("page", { n: of.number })}>
      <button type="button" class="button" disabled={!of.previous} onClick={of.previous}>
        {t("previous")}
      </button>
      <span>{t("page", { n: of.number })}</span>
      <button type="button" class="button" disabled={!of.next} onClick={of.next}>
        {t("next")}
      </button>
    </nav>
  );
}

/** A moment as people say it; the exact one for those who point at it. */
export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={moment(at)}>
      {relative(at)}
    </time>
  );
}

export type Tone = "good" | "bad" | "wait" | "plain";

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}
