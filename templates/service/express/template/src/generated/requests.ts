/** What happens around every request: trace, headers, metrics, access log. */
import type { Request, Response } from "express";
import helmet from "helmet";
import type { Logger } from "pino";

import type { App } from "./app.ts";
import { observe } from "./metrics.ts";
import type { Settings } from "./settings.ts";
import { begin, current, type Trace } from "./tracing.ts";

const PROBES = new Set(["/health", "/health/ready", "/metrics"]);
const SECURITY = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  xFrameOptions: { action: "deny" },
} as const;

const OURS = ["x-correlation-id", "traceparent", "x-tenant-id"];

/** Surround every request. */
export function installRequests(app: App, settings: Settings, log: Logger): void {
  const quiet = settings.logLevel === "WARNING" || settings.logLevel === "ERROR";
  app.express.use(helmet(SECURITY));
  app.express.use((request, response, next) => {
    const started = performance.now();
    const { method, path } = request;
    const [correlationId, traceparent, tenant] = OURS.map((name) => request.get(name));
    const trace = begin(method, correlationId, traceparent, tenant);
    const { "x-correlation-id": correlation, traceparent: here } = trace.headers;
    response.set({ "x-correlation-id": correlation, traceparent: here });
    response.once("close", () => {
      const milliseconds = performance.now() - started;
      const route = template(request);
      measure(method, route, response, milliseconds, trace);
      if (quiet) return;
      const probe = PROBES.has(path) && response.statusCode < 400;
      const { statusCode: status } = response;
      const duration_ms = Math.round(milliseconds * 1000) / 1000;
      current.run(trace, () => {
        log[probe ? "debug" : "info"]({ method, path, route, status, duration_ms }, "request");
      });
    });
    current.run(trace, next);
  });
}

/** Count and time the request, and end its span. */
function measure(
  method: string,
  route: string,
  { statusCode }: Response,
  milliseconds: number,
  { span }: Trace,
): void {
  observe(method, route, statusCode, milliseconds / 1000);
  span
    ?.updateName(`${method} ${route}`)
    .setAttributes({
      "http.request.method": method,
      "http.route": route,
      "http.response.status_code": statusCode,
    })
    .end();
}

const templates = new Map<string, string>();

/** The route of a request as descriptions say it: `/things/{thing_id}`. */
export function template(request: Request): string {
  const matched = request.route as { path: string } | undefined;
  if (matched === undefined) return "unmatched";
  const path = request.baseUrl + matched.path;
  let found = templates.get(path);
  if (found === undefined) {
    found = path.replaceAll(/:(\w+)/g, "{$1}");
    templates.set(path, found);
  }
  return found;
}
