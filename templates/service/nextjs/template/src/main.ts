/** Command line: `serve` (the default). */
import { ConfigurationError } from "./generated/settings.ts";

const USAGE = "usage: node dist/main.mjs [serve]\n";

/** Run one command, loading only what it needs; 2 is a wrong command line or configuration. */
async function main(commands: string[]): Promise<number> {
  const [command = "serve", ...rest] = commands;
  try {
    if (command === "serve" && rest.length === 0) {
      const { serve } = await import("./generated/server.ts");
      return await serve();
    }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(error.faults.map((fault) => `configuration: ${fault}\n`).join(""));
    return 2;
  }
  process.stderr.write(USAGE);
  return 2;
}

process.exit(await main(process.argv.slice(2)));
