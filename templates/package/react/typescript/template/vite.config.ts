import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import manifest from "./package.json" with { type: "json" };

// Vite's library mode rather than bare tsc: it gathers the CSS modules into one scoped style sheet. Modules stay
// apart, because each says for itself whether it is a "use client" one.
const peers = Object.keys(manifest.peerDependencies).map((name) => new RegExp(`^${name}(/|$)`));

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2023",
    minify: false,
    lib: { entry: "src/index.ts", formats: ["es"], fileName: "[name]", cssFileName: "styles" },
    rolldownOptions: { external: peers, output: { preserveModules: true } },
  },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.tsx"],
    setupFiles: ["tests/setup.ts"],
    css: { modules: { classNameStrategy: "non-scoped" } },
    coverage: {
      include: ["src/**"],
      thresholds: { branches: 80, functions: 80, lines: 80, statements: 80 },
    },
  },
});
