import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { orderPicture } from "./pictures/order.ts";
import { systemPicture } from "./pictures/system.ts";

// `npm run pictures`: draws docs/pictures from the services, subscriptions and transitions in the code.

const folder = resolve(import.meta.dirname, "../docs/pictures");

writeFileSync(resolve(folder, "system.svg"), systemPicture());
writeFileSync(resolve(folder, "order.svg"), orderPicture());
