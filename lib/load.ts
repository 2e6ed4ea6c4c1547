import { createRequire } from "node:module";
import { join } from "node:path";

/**
 * Loads a package where it is first needed. A node starts without what its settings do not ask for: a quarter of all modules
 * in one process with nothing installed. Where there is something to wait for anyway, `import()` does the same.
 */
export const load = createRequire(join(import.meta.dirname, "load.ts"));
