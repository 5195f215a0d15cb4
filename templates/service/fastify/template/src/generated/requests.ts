/** What happens around every request: trace, headers, metrics, access log. */
import type { FastifyReply, FastifyRequest } from "fastify";

import type { App } from "./app.ts";
import { observe } from "./metrics.ts";
import type { Settings } from "./settings.ts";
import { begin, current, type Trace } from "./tracing.ts";

declare module "fastify" {
  interface FastifyRequest {
    trace: Trace;
  }
}

const PROBES = new Set(["/health", "/health/ready", "/metrics"]);
const SECURITY = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
};

const OURS = ["x-correlation-id", "traceparent", "x-tenant-id"];

/** Surround every request. */
export function installRequests(app: App, settings: Settings): void {
  app.decorateRequest("trace", undefined as unknown as Trace);
  app.addHook("onRequest", (request, reply, done) => {
    surround(request, reply);
    current.run(request.trace, done);
  });
  // The body arrives outside of the context in which the request began.
  app.addHook("preValidation", (request, _, done) => {
    current.run(request.trace, done);
  });
  const quiet = settings.logLevel === "WARNING" || settings.logLevel === "ERROR";
  app.addHook("onResponse", (request, reply, done) => {
    record(request, reply, quiet);
    done();
  });
}

/** Begin the trace of a request, and give its answer the headers of every answer. */
export function surround(request: FastifyRequest, reply: FastifyReply): void {
  const { headers } = request;
  const [correlationId, traceparent, tenant] = OURS.map((name) => only(headers[name]));
  request.trace = begin(request.method, correlationId, traceparent, tenant);
  const { "x-correlation-id": correlation, traceparent: here } = request.trace.headers;
  reply.headers(SECURITY).headers({ "x-correlation-id": correlation, traceparent: here });
}

/** Measure and log the request; probes that succeed are logged at debug level. */
function record(request: FastifyRequest, reply: FastifyReply, quiet: boolean): void {
  const { method, trace } = request;
  const [path = ""] = request.url.split("?");
  const route = template(request.routeOptions.url);
  const milliseconds = reply.elapsedTime;
  observe(method, route, reply.statusCode, milliseconds / 1000);
  trace.span
    ?.updateName(`${method} ${route}`)
    .setAttributes({
      "http.request.method": method,
      "http.route": route,
      "http.response.status_code": reply.statusCode,
    })
    .end();
  const probe = PROBES.has(path) && reply.statusCode < 400;
  if (quiet) return;
  current.run(trace, () => {
    request.log[probe ? "debug" : "info"](
      {
        method,
        path,
        route,
        status: reply.statusCode,
        duration_ms: Math.round(milliseconds * 1000) / 1000,
      },
      "request",
    );
  });
}

const templates = new Map<string, string>();

/** A route as descriptions say it: `/things/{thing_id}`. */
export function template(url: string | undefined): string {
  if (url === undefined) return "unmatched";
  let found = templates.get(url);
  if (found === undefined) {
    found = url.replaceAll(/:(\w+)/g, "{$1}");
    templates.set(url, found);
  }
  return found;
}

function only(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}
