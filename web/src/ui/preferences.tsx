import { language, speak } from "../lib/i18n.ts";
import { paint, theme, type Theme } from "../lib/theme.ts";
import { Icon, type IconName } from "./icon.tsx";
import { t } from "./words.ts";

const icons: Record<Theme, IconName> = { system: "screen", light: "sun", dark: "moon" };
const after: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

/** Language and colours; both are remembered. */
export function Preferences() {
  const other = language.value === "zh" ? "en" : "zh";
  const now = theme.value;
  return (
    <div class="preferences">
      <button
        type="button"
        class="text-button"
        lang={other === "zh" ? "zh-Hans" : "en"}
        aria-label={other === "zh" ? "切换为中文" : "Switch to English"}
        onClick={() => speak(other)}
      >
        {other === "zh" ? "中文" : "English"}
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={`${t("theme")}: ${t(`theme.${now}`)}`}
        title={`${t("theme")}: ${t(`theme.${now}`)}`}
        onClick={() => paint(after[now])}
      >
        <Icon name={icons[now]} />
      </button>
    </div>
  );
}
