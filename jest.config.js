const ring = (name, setup = {}) => ({
  displayName: name,
  ...setup,
  testEnvironment: "node",
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2024" },
        module: { type: "commonjs" },
        sourceMaps: "inline",
      },
    ],
  },
});

const withServers = {
  globalSetup: "<rootDir>/test/support/global-setup.ts",
  globalTeardown: "<rootDir>/test/support/global-teardown.ts",
};

// pages are bundled for browsers; here their signals are enough
const unit = {
  ...ring("unit"),
  testMatch: ["<rootDir>/test/unit/**/*.test.ts", "<rootDir>/web/test/**/*.test.ts"],
  moduleNameMapper: { "^@preact/signals$": "@preact/signals-core" },
};

/** The rings: pure code; one service; real stores and races; the whole system over HTTP. */
export default {
  // on two cores: much of the time tests wait, for what is killed to come back, or for what must not happen
  maxWorkers: 3,
  testSequencer: "<rootDir>/test/support/longest-first.cjs",
  testTimeout: 60_000,
  projects: [unit, ring("component"), ring("integration", withServers), ring("e2e", withServers)],
};
