import { buildWeb } from "./web/build.ts";
import { runScript } from "./run-script.ts";

// `npm run build:web`: the shop and the console, as files that the gateway serves.

await runScript(buildWeb);
