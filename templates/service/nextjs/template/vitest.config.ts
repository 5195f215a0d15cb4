import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    pool: "threads",
    maxWorkers: 1,
    testTimeout: 30_000,
    coverage: {
      enabled: true,
      provider: "v8",
      include: ["src/**"],
      // Pages and the start are shown by the server itself; everything else is tried here.
      exclude: ["src/main.ts", "src/generated/server.ts", "src/app/**/*.tsx"],
      thresholds: { statements: 80, branches: 75, functions: 80, lines: 80 },
    },
  },
});
