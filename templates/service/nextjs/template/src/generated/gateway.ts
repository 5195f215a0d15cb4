/** Reads from the platform for the person who is logged in. */
import { refusal } from "./problems.ts";
import { loadSettings } from "./settings.ts";

const TIMEOUT_MS = 5000;
const SHOWN = ["content-type", "etag", "retry-after"];

/** Hand a GET to the gateway; only what lies below `api/` is reached. */
export async function forward(
  request: Request,
  path: readonly string[],
  token: string | undefined,
): Promise<Response> {
  if (path[0] !== "api" || path.some((part) => part === ".." || part === ".")) {
    return refusal(request, 404);
  }
  const { gatewayUrl } = loadSettings();
  const url = new URL(`/${path.map(encodeURIComponent).join("/")}`, gatewayUrl);
  url.search = new URL(request.url).search;
  try {
    const answer = await fetch(url, {
      headers: { ...traced(request), ...(token && { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const headers = SHOWN.flatMap((name): [string, string][] => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    return new Response(answer.body, { status: answer.status, headers });
  } catch {
    return refusal(request, 502, "The gateway does not answer.");
  }
}

/** Whether a service says that it is ready. */
export async function isReady(request: Request, address: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(1000);
    const answer = await fetch(new URL("/health/ready", address), {
      headers: traced(request),
      signal,
    });
    return answer.ok;
  } catch {
    return false;
  }
}

function traced(request: Request): Record<string, string> {
  const names = ["x-correlation-id", "traceparent"];
  return Object.fromEntries(names.map((name) => [name, request.headers.get(name) ?? ""]));
}
