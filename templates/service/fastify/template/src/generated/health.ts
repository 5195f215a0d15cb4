/** Liveness, readiness and metrics. */
import type { App } from "./app.ts";
import { registry } from "./metrics.ts";
import type { Runtime } from "./runtime.ts";

const TIMEOUT_MS = 1000;

/** Asks one dependency; throws when it does not answer. */
export type Check = () => Promise<unknown>;

/** Add the endpoints that operations ask. */
export function installHealth(app: App, runtime: Pick<Runtime, "checks">): void {
  const hidden = { schema: { hide: true } };
  app.get("/health", hidden, () => ({ status: "ok" }));
  app.get("/health/ready", hidden, async (_, reply) => {
    const names = Object.entries(runtime.checks);
    const results = await Promise.all(names.map(async ([name, ask]) => [name, await check(ask)]));
    const checks = Object.fromEntries(results) as Record<string, { status: string }>;
    const up = Object.values(checks).every(({ status }) => status === "up");
    return reply.status(up ? 200 : 503).send({ status: up ? "ready" : "unavailable", checks });
  });
  app.get("/metrics", hidden, async (_, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}

async function check(ask: Check): Promise<object> {
  const started = performance.now();
  const late = AbortSignal.timeout(TIMEOUT_MS);
  try {
    await Promise.race([ask(), rejection(late)]);
  } catch (error) {
    return { status: "down", error: error instanceof Error ? error.name : "Error" };
  }
  return { status: "up", duration_ms: Math.round((performance.now() - started) * 100) / 100 };
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });
}
