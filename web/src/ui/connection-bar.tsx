import { connected } from "../lib/connection.ts";
import { t } from "./words.ts";

/** Says that the server does not answer, for as long as it does not. */
export function ConnectionBar() {
  return (
    <div class="connection" role="status">
      {!connected.value && <p>{t("connection.lost")}</p>}
    </div>
  );
}
