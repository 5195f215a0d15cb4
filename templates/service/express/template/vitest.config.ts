import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: "threads",
    maxWorkers: 1,
    isolate: false, // what is slow to start is started once
    coverage: {
      enabled: true,
      provider: "v8",
      include: ["src/**"],
      exclude: ["src/main.ts"],
      thresholds: { statements: 80, branches: 75, functions: 80, lines: 80 },
    },
  },
});
