/** JSON logs on standard output, one object a line. */
import { type DestinationStream, type Logger, pino } from "pino";

import { SERVICE } from "./identity.ts";
import type { Settings } from "./settings.ts";
import { current } from "./tracing.ts";

const LEVELS = { DEBUG: "debug", INFO: "info", WARNING: "warn", ERROR: "error" } as const;

/** Make the logger; every line says who speaks, and for which request. */
export function createLogger(
  level: Settings["logLevel"],
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
): Logger {
  return pino(
    {
      level: LEVELS[level],
      base: { service: SERVICE },
      messageKey: "event",
      errorKey: "exception",
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label === "warn" ? "warning" : label }) },
      serializers: { exception: describe },
      mixin: () => {
        const trace = current.getStore();
        if (trace === undefined) return {};
        const { correlationId, traceId, spanId } = trace;
        return { correlation_id: correlationId, trace_id: traceId, span_id: spanId };
      },
    },
    destination,
  );
}

/** An error with everything that caused it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? String(error);
  return error.cause === undefined ? text : `${text}\ncaused by: ${describe(error.cause)}`;
}
