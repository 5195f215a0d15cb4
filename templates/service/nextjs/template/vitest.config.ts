import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic" } },
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    pool: "threads",
    maxWorkers: 1,
    coverage: {
      enabled: true,
      provider: "v8",
      include: ["src/**"],
      exclude: ["src/main.ts", "src/app/layout.tsx"],
      thresholds: { statements: 80, branches: 75, functions: 80, lines: 80 },
    },
  },
});
