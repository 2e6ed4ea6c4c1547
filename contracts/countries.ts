import { Type } from "@sinclair/typebox";
import { countryCodes } from "./country-codes.ts";

export const Country = Type.String({ enum: [...countryCodes], description: "ISO 3166-1 alpha-2" });
