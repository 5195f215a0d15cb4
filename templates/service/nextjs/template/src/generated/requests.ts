/** What happens around every request: trace, headers, metrics, access log, operations, pages. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import type { Logger } from "pino";

import { DESCRIPTION_PAGE, DESCRIPTION_SCRIPT, openapi } from "./docs.ts";
import { observe, registry } from "./metrics.ts";
import { MEDIA_TYPE, problem } from "./problems.ts";
import type { Settings } from "./settings.ts";
import { begin, current } from "./tracing.ts";

/** What Next makes of requests, and the paths at which it has something. */
export interface Pages {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly routes: readonly { readonly page: string; readonly pattern: RegExp }[];
}

type Answer = (response: ServerResponse) => void | Promise<void>;

/** What Next can answer; of others (TRACE) it cannot even make a request. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const DESCRIBED = Object.entries(openapi.paths).map(([path, operations]) => ({
  pattern: new RegExp(`^${path.replaceAll(/\{[^}]*\}/g, ".+")}$`),
  methods: [
    ...Object.keys(operations).map((method) => method.toUpperCase()),
    ...("get" in operations ? ["HEAD"] : []),
    "OPTIONS",
  ],
}));
const PROBES = new Set(["/health", "/health/ready", "/metrics"]);
const ASSETS = /^\/(_next\/static|api-docs)\//;
const NOTHING = "default-src 'none'; frame-ancestors 'none'";
const DOCS = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";
const SECURITY = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": NOTHING,
};

/** What operations ask, and the description of the API; everything else is Next's. */
const OWN: Readonly<Record<string, Answer>> = {
  "/health": (response) => {
    send(response, { status: "ok" });
  },
  "/health/ready": (response) => {
    send(response, { status: "ready", checks: {} });
  },
  "/metrics": async (response) => {
    const text = await registry.metrics();
    response.setHeader("content-type", registry.contentType).end(text);
  },
  "/api/openapi.json": (response) => {
    send(response, openapi);
  },
  "/api/docs": (response) => {
    response.setHeader("content-security-policy", DOCS);
    response.setHeader("content-type", "text/html; charset=utf-8").end(DESCRIPTION_PAGE);
  },
  "/api/docs/start.js": (response) => {
    response.setHeader("content-type", "text/javascript").end(DESCRIPTION_SCRIPT);
  },
};

/** Surround every request. */
export function surround(pages: Pages, settings: Settings, log: Logger): RequestListener {
  const quiet = settings.logLevel === "WARNING" || settings.logLevel === "ERROR";
  return (request, response) => {
    const started = performance.now();
    const { method = "GET", headers } = request;
    const [path = "/"] = (request.url ?? "/").split("?");
    const trace = begin(method, only(headers["x-correlation-id"]), only(headers["traceparent"]));
    Object.assign(headers, trace.headers); // what pages and routes pass on
    for (const [name, value] of Object.entries({ ...SECURITY, ...trace.headers })) {
      response.setHeader(name, value);
    }
    const route = routeOf(path, pages);
    response.once("close", () => {
      const milliseconds = performance.now() - started;
      const { statusCode: status } = response;
      observe(method, route, status, milliseconds / 1000);
      trace.span
        ?.updateName(`${method} ${route}`)
        .setAttributes({
          "http.request.method": method,
          "http.route": route,
          "http.response.status_code": status,
        })
        .end();
      const unnoticed = (PROBES.has(path) || ASSETS.test(path)) && status < 400;
      if (quiet) return;
      const duration_ms = Math.round(milliseconds * 1000) / 1000;
      current.run(trace, () => {
        log[unnoticed ? "debug" : "info"]({ method, path, route, status, duration_ms }, "request");
      });
    });
    void current.run(trace, async () => {
      try {
        await answer(request, response, path, route, pages);
      } catch (error) {
        log.error(error, "request failed");
        if (response.headersSent) response.destroy();
        else refuse(response, 500);
      }
    });
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  route: string,
  { handle }: Pages,
): Promise<void> {
  const own = OWN[path];
  if (own) {
    if (request.method === "GET" || request.method === "HEAD") await own(response);
    else refuse(response.setHeader("allow", "GET, HEAD"), 405);
  } else if (!METHODS.has(request.method ?? "")) {
    refuse(response.setHeader("allow", allowed(path)), 405);
  } else if (route === "unmatched" && !request.headers.accept?.includes("text/html")) {
    refuse(response, 404); // a program asks; a person gets a page
  } else {
    if (!path.startsWith("/api/") && !ASSETS.test(path)) allowScripts(request, response);
    else if (!allowed(path).includes(request.method ?? "")) {
      response.setHeader("allow", allowed(path)); // Next refuses it, and does not say what there is
    }
    await handle(request, response);
  }
}

/** The methods of a path as it is described; all that Next can answer where it is not. */
function allowed(path: string): string {
  const own = DESCRIBED.find(({ pattern }) => pattern.test(path));
  return (own?.methods ?? [...METHODS]).join(", ");
}

/** Allow a page the scripts that Next writes into it, and no others. */
function allowScripts(request: IncomingMessage, response: ServerResponse): void {
  const nonce = randomBytes(16).toString("base64");
  const policy = [
    `default-src 'self'; script-src 'self' 'nonce-${nonce}' 'strict-dynamic'`,
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
  ].join("; ");
  request.headers["content-security-policy"] = policy; // where Next looks for the nonce
  response.setHeader("content-security-policy", policy);
}

/** The route of a path as metrics know it. */
function routeOf(path: string, { routes }: Pages): string {
  if (path in OWN) return path;
  const asset = ASSETS.exec(path);
  if (asset) return `/${asset[1] ?? ""}/*`;
  return routes.find(({ pattern }) => pattern.test(path))?.page ?? "unmatched";
}

function send(response: ServerResponse, body: object): void {
  response.setHeader("content-type", "application/json; charset=utf-8").end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.setHeader("content-type", MEDIA_TYPE);
  response.end(problem(status, String(response.getHeader("x-correlation-id"))));
}

function only(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}
