/** Errors as problem details (RFC 9457). */
import { STATUS_CODES } from "node:http";

export const MEDIA_TYPE = "application/problem+json";

/** The document of a problem. */
export function problem(status: number, correlationId: string | null, detail?: string): string {
  const title = STATUS_CODES[status] ?? "Error";
  const correlation_id = correlationId ?? undefined;
  return JSON.stringify({ type: "about:blank", title, status, detail, correlation_id });
}

/** A problem as the answer of a route. */
export function refusal(request: Request, status: number, detail?: string): Response {
  const body = problem(status, request.headers.get("x-correlation-id"), detail);
  return new Response(body, { status, headers: { "content-type": MEDIA_TYPE } });
}
