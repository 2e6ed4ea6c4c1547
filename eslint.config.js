import { importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

const services = ["gateway", "auth", "users", "products", "inventory", "orders", "payments", "notify", "ops"];

/** A service imports its own folder, contracts, lib, mixins and middlewares, never another service's folder. */
const boundaries = [
  ...services.map((service) => ({
    target: `./services/${service}`,
    from: "./services",
    except: [`./${service}`],
    message: "A service never imports another one's folder: call it over the bus.",
  })),
  { target: "./services/*/*.service.ts", from: "./lib/database.ts", message: "Handlers know no SQL." },
  { target: "./contracts", from: ["./services", "./mixins", "./middlewares"], message: "Contracts depend on nobody." },
  { target: "./lib", from: ["./services", "./mixins"], message: "lib is below the services." },
  {
    target: "./web",
    from: ["./services", "./lib", "./mixins", "./middlewares", "./scripts", "./repl", "./config.ts"],
    message: "The browser knows the REST interface alone, and the types of its contracts.",
  },
  { target: "./web/src/shop", from: "./web/src/console", message: "The shop carries nothing of the console." },
  { target: "./web/src/console", from: "./web/src/shop", message: "The console carries nothing of the shop." },
];

const pureModules = [
  {
    group: ["sequelize", "moleculer*", "mysql2", "better-sqlite3", "node:*"],
    message: "Domain code knows data, not tools.",
  },
];

export default tseslint.config(
  { ignores: ["node_modules", "data", "coverage", "web/dist", "web/.build-*", "web/.old-*"] },
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { "import-x": importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "import-x/no-restricted-paths": ["error", { zones: boundaries }],
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "config.ts is the one reader of the environment." },
      ],
      "no-restricted-globals": ["error", { name: "setInterval", message: "Use lib/poller.ts: its stop waits." }],
      "no-console": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { arguments: false, properties: false } },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Moleculer's hooks and handlers may be asynchronous without awaiting anything.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["services/*/{order,stock,payment,refund}.ts", "lib/{money,transition,errors}.ts"],
    rules: {
      "no-restricted-imports": ["error", { patterns: pureModules }],
      "no-restricted-globals": ["error", "Date", "setInterval"],
    },
  },
  {
    files: ["web/**/*.{ts,tsx}"],
    rules: {
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { arguments: false, properties: false, attributes: false } },
      ],
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["**/contracts/*", "!**/contracts/country-codes.ts"],
              allowTypeImports: true,
              message: "Only their types: schemas are large.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["config.ts", "bench/**/*.ts", "scripts/**/*.ts", "repl/**/*.ts", "test/**/*.ts"],
    rules: { "no-restricted-properties": "off", "no-console": "off" },
  },
);
