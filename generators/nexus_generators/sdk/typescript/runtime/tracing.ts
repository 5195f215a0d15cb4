/** What a client uses of a span of OpenTelemetry. */
export interface Span {
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** A tracer of `@opentelemetry/api`, or anything of its shape. */
export interface Tracer {
  startSpan(name: string, options?: { kind?: number; attributes?: Record<string, string | number> }): Span;
}

const CLIENT = 2; // SpanKind.CLIENT
const ERROR = 2; // SpanStatusCode.ERROR

/** A span around one call with all its tries. */
export function started(tracer: Tracer | undefined, method: string, path: string): Span | undefined {
  const attributes = { "http.request.method": method, "url.template": path };
  return tracer?.startSpan(`${method} ${path}`, { kind: CLIENT, attributes });
}

/** How the call ended. */
export function ended(span: Span | undefined, status: number | undefined, error?: unknown): void {
  if (span === undefined) return;
  if (status !== undefined) span.setAttribute("http.response.status_code", status);
  if (error instanceof Error) {
    span.setAttribute("error.type", error.name);
    span.setStatus({ code: ERROR, message: error.message });
  } else if (status !== undefined && status >= 400) {
    span.setAttribute("error.type", String(status));
    span.setStatus({ code: ERROR });
  }
  span.end();
}

/** The header that makes the spans of the API belong to ours. */
export function traceparent(span: Span | undefined): string | undefined {
  const context = span?.spanContext();
  if (context === undefined || /^0*$/.test(context.traceId)) return undefined;
  return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, "0")}`;
}
