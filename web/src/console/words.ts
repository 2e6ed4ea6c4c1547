import { translator } from "../lib/i18n.ts";
import { en } from "./words.en.ts";
import { zh } from "./words.zh.ts";

export const t = translator(en, zh);
