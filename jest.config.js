const ring = (name) => ({
  displayName: name,
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

/** The rings: pure code; one service; real stores and races; the whole system over HTTP. */
export default {
  maxWorkers: 2,
  testTimeout: 60_000,
  projects: ["unit", "component", "integration", "e2e"].map(ring),
};
