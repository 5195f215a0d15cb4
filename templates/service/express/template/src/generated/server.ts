/** Serves the application until a signal ends it. */
import { once } from "node:events";

import { createApp } from "./app.ts";
import { createLogger } from "./logs.ts";
import { createRuntime } from "./runtime.ts";
import { loadSettings } from "./settings.ts";
import { startExporter, stopExporter } from "./tracing.ts";

/** Serve; 0 after an orderly end, 1 when it could not start or did not end in time. */
export async function serve(): Promise<number> {
  const settings = loadSettings();
  const log = createLogger(settings.logLevel);
  const stopping = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  try {
    await startExporter(settings);
    const app = await createApp(createRuntime(settings, log));
    await app.listen(settings);
    log.info("listening");
    await stopping;
    const closed = app.close().then(() => 0);
    const late = new Promise<number>((resolve) => {
      setTimeout(resolve, settings.shutdownSeconds * 1000, 1).unref();
    });
    return await Promise.race([closed, late]);
  } catch (error) {
    log.error(error, "the service cannot run");
    return 1;
  } finally {
    await stopExporter().catch((error: unknown) => {
      log.warn({ exception: error }, "the last traces are lost");
    });
  }
}
