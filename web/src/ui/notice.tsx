import type { ComponentChildren } from "preact";
import { Problem } from "../lib/problem.ts";
import { describe } from "./describe.ts";
import { t } from "./words.ts";

export type Kind = "bad" | "good" | "info";

export function Notice({ kind, children }: { kind: Kind; children: ComponentChildren }) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

/** What could not be loaded, why, and a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <p>{describe(error)}</p>
      {error instanceof Problem && error.requestId !== null && (
        <p class="faint small">{t("error.request", { id: error.requestId })}</p>
      )}
      {retry && (
        <button type="button" class="button small" onClick={retry}>
          {t("retry")}
        </button>
      )}
    </div>
  );
}
