/** Makes `dist`: the pages as Next builds them, the server around them, and the files that they serve. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

import { build } from "esbuild";

import config from "./next.config.mjs";

const here = import.meta.dirname;
const inside = relative(config.outputFileTracingRoot ?? here, here);
const fresh = join(here, ".next", "standalone", inside);
const { resolve } = createRequire(import.meta.url);

execFileSync(process.execPath, [resolve("next/dist/bin/next"), "build"], {
  cwd: here,
  env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
  stdio: "inherit",
});

await build({
  entryPoints: [join(here, "src", "main.ts")],
  outdir: fresh,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true, // what is imported late stays apart
  format: "esm",
  platform: "node",
  target: "node24",
  external: ["next"],
  sourcemap: true,
  banner: {
    js: 'import { createRequire as from } from "node:module"; const require = from(import.meta.url);',
  },
});

cpSync(join(here, ".next", "static"), join(fresh, ".next", "static"), { recursive: true });
if (existsSync(join(here, "public"))) {
  cpSync(join(here, "public"), join(fresh, "public"), { recursive: true });
}
const swagger = dirname(resolve("swagger-ui-dist/package.json"));
for (const name of ["swagger-ui.css", "swagger-ui-bundle.js"]) {
  cpSync(join(swagger, name), join(fresh, "public", "api-docs", name));
}

// What is served changes at the end, and at once.
const [made, old] = [join(here, "dist"), join(here, ".next", "old")];
rmSync(old, { recursive: true, force: true });
if (existsSync(made)) renameSync(made, old);
renameSync(fresh, made);
