/** Correlation and W3C trace context: accepted, checked, passed on; exported when configured. */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";

import type { Span } from "@opentelemetry/api";

import { SERVICE, VERSION } from "./identity.ts";
import type { Settings } from "./settings.ts";

const CORRELATION_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** What ties the work on one request together, across services. */
export interface Trace {
  readonly correlationId: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: string;
  /** Whose work it is; nothing where nobody says. */
  readonly tenant: string | undefined;
  /** What goes along with calls and events. */
  readonly headers: Readonly<Record<string, string>>;
  /** The span that is exported, if any is. */
  readonly span: Span | undefined;
}

/** Spans on their way to a collector. */
export interface Exporter {
  start(name: string, parent: Parent | undefined): Span;
  shutdown(): Promise<void>;
}

interface Parent {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** The trace of the work that is being done. */
export const current = new AsyncLocalStorage<Trace>();

let exporter: Exporter | undefined;

/** Continue the caller's trace; what is missing or malformed is replaced. */
export function begin(
  name: string,
  correlationId: string | undefined,
  traceparent: string | undefined,
  said?: string,
): Trace {
  const parent = parse(traceparent);
  const span = exporter?.start(name, parent);
  const context = span?.spanContext() ?? {
    traceId: parent?.traceId ?? randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    traceFlags: parent?.traceFlags ?? 1,
  };
  const { traceId, spanId } = context;
  const flags = context.traceFlags.toString(16).padStart(2, "0");
  const valid = correlationId !== undefined && CORRELATION_ID.test(correlationId);
  const correlation = valid ? correlationId : traceId;
  const tenant = said !== undefined && TENANT.test(said) ? said : undefined;
  const headers = {
    "x-correlation-id": correlation,
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    ...(tenant === undefined ? {} : { "x-tenant-id": tenant }),
  };
  return { correlationId: correlation, traceId, spanId, flags, tenant, headers, span };
}

function parse(traceparent: string | undefined): Parent | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  if (!traceId || !spanId || !flags) return undefined;
  return { traceId, spanId, traceFlags: parseInt(flags, 16) };
}

/** Export spans when there is a collector; the libraries are loaded only then. */
export async function startExporter(settings: Settings): Promise<void> {
  if (!settings.otlpEndpoint) return;
  const { ROOT_CONTEXT, SpanKind, trace } = await import("@opentelemetry/api");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  const { resourceFromAttributes } = await import("@opentelemetry/resources");
  const { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } =
    await import("@opentelemetry/sdk-trace");
  const ratio = settings.environment === "development" ? 1 : 0.1;
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  const provider = new TracerProvider({
    ...(process.env["OTEL_TRACES_SAMPLER"] ? {} : { sampler }),
    resource: resourceFromAttributes({
      "service.name": SERVICE,
      "service.version": VERSION,
      "deployment.environment.name": settings.environment,
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  const tracer = provider.getTracer(SERVICE, VERSION);
  exporter = {
    start(name, parent) {
      const context = parent
        ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true })
        : ROOT_CONTEXT;
      return tracer.startSpan(name, { kind: SpanKind.SERVER }, context);
    },
    shutdown: () => provider.shutdown(),
  };
}

/** Send what has not been sent. */
export async function stopExporter(): Promise<void> {
  await exporter?.shutdown();
  exporter = undefined;
}
