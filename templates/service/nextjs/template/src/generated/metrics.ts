/** Metrics for Prometheus. */
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";

/** What is counted; one for the process. */
export const registry = new Registry();
collectDefaultMetrics({ register: registry });

const duration = new Histogram({
  name: "http_server_request_duration_seconds",
  help: "Duration of HTTP requests.",
  labelNames: ["http_request_method", "http_route", "http_response_status_code"],
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers: [registry],
});

/** Record one request. */
export function observe(method: string, route: string, status: number, seconds: number): void {
  const labels = {
    http_request_method: method,
    http_route: route,
    http_response_status_code: status,
  };
  duration.observe(labels, seconds);
}
