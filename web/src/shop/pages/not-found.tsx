import { Empty, Heading } from "../../ui/bits.tsx";
import { t } from "../words.ts";

export function NotFound() {
  return (
    <>
      <Heading title={t("notFound.title")} />
      <Empty title={t("notFound.text")}>
        <a class="button primary" href="/">
          {t("notFound.back")}
        </a>
      </Empty>
    </>
  );
}
