import { useState } from "preact/hooks";
import { post } from "../lib/api.ts";
import { describe } from "../ui/describe.ts";
import { tell } from "../ui/toast.tsx";
import { t } from "./words.ts";

interface RedriveProps {
  id: string;
  label: string;
  onDone: () => void;
  children: string;
}

/** Has a dead letter tried again. Twice does no harm: the second time there is none left. */
export function Redrive({ id, label, onDone, children }: RedriveProps) {
  const [isBusy, setBusy] = useState(false);
  const go = async (): Promise<void> => {
    setBusy(true);
    try {
      await post(`/ops/dead-letters/${id}/redrive`);
      tell(t("dead.redriven"));
    } catch (error) {
      tell(describe(error));
    }
    setBusy(false);
    onDone();
  };
  return (
    <button type="button" class="button small" aria-label={label} disabled={isBusy} onClick={() => void go()}>
      {children}
    </button>
  );
}
