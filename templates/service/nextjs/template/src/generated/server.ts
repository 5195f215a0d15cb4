/** Serves the application until a signal ends it. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";

import next from "next";

import { createLogger } from "./logs.ts";
import { type Pages, surround } from "./requests.ts";
import { loadSettings } from "./settings.ts";
import { startExporter, stopExporter } from "./tracing.ts";

const DIR = import.meta.dirname; // the folder that was built

/** Serve; 0 after an orderly end, 1 when it could not start or did not end in time. */
export async function serve(): Promise<number> {
  const settings = loadSettings();
  const log = createLogger(settings.logLevel);
  const stopping = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  // What Next says on the console becomes a line of the log.
  const say =
    (level: "info" | "warn" | "error") =>
    (...words: unknown[]) => {
      log[level]({ exception: words.find((word) => word instanceof Error) }, words.join(" "));
    };
  Object.assign(console, { log: say("info"), warn: say("warn"), error: say("error") });
  try {
    await startExporter(settings);
    const { host, port } = settings;
    const server = createServer(surround(await pages(), settings, log));
    server.listen(port, host);
    await once(server, "listening");
    log.info("listening");
    await stopping;
    const late = new Promise<number>((resolve) => {
      setTimeout(resolve, settings.shutdownSeconds * 1000, 1).unref();
    });
    return await Promise.race([closed(server), late]);
  } catch (error) {
    log.error(error, "the service cannot run");
    return 1;
  } finally {
    await stopExporter().catch((error: unknown) => {
      log.warn({ exception: error }, "the last traces are lost");
    });
  }
}

/** The pages as they were built, and the paths at which there is one. */
async function pages(): Promise<Pages> {
  const read = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(join(DIR, ".next", name), "utf8"));
  const { config } = (await read("required-server-files.json")) as { config: object };
  process.env["__NEXT_PRIVATE_STANDALONE_CONFIG"] = JSON.stringify(config);
  const app = next({ dev: false, dir: DIR });
  await app.prepare();
  const manifest = (await read("routes-manifest.json")) as Record<string, Route[] | undefined>;
  const found = [...(manifest["staticRoutes"] ?? []), ...(manifest["dynamicRoutes"] ?? [])];
  const routes = found.map(({ page, regex }) => ({ page, pattern: new RegExp(regex) }));
  return { handle: app.getRequestHandler(), routes };
}

interface Route {
  readonly page: string;
  readonly regex: string;
}

/** Accept no more connections, and finish what is in flight. */
async function closed(server: Server): Promise<number> {
  server.prependListener("request", (_, response) => response.setHeader("connection", "close"));
  server.close();
  await once(server, "close");
  return 0;
}
