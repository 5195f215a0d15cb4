/** What surrounds requests, on a real server with pages of its own. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, beforeEach, expect, test } from "vitest";

import { createLogger } from "../../src/generated/logs.ts";
import { type Pages, surround } from "../../src/generated/requests.ts";
import { loadSettings } from "../../src/generated/settings.ts";
import { ENVIRONMENT } from "../support.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

let server: Server;
let lines: string[];

beforeEach(async () => {
  lines = [];
  const log = createLogger("INFO", { write: (line) => void lines.push(line) });
  const routes = [
    { page: "/", pattern: /^\/$/ },
    { page: "/api/fail", pattern: /^\/api\/fail$/ },
    { page: "/api/session", pattern: /^\/api\/session$/ },
  ];
  const handle: Pages["handle"] = ({ url, headers }, response) => {
    if (url === "/api/fail") {
      return Promise.reject(new Error("outer", { cause: new Error("inner") }));
    }
    response.end(JSON.stringify(headers));
    return Promise.resolve();
  };
  server = createServer(surround({ handle, routes }, loadSettings(ENVIRONMENT), log));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function get(path: string, options: RequestInit = {}): Promise<Response> {
  const { port } = server.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${port}${path}`, options);
}

function logged(): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("it is alive and ready", async () => {
  expect(await (await get("/health")).json()).toEqual({ status: "ok" });
  expect(await (await get("/health/ready")).json()).toEqual({ status: "ready", checks: {} });
  expect(logged()).toEqual([]);
});

test("it is measured and described", async () => {
  await get("/health");
  const metrics = await (await get("/metrics")).text();
  expect(metrics).toContain('http_route="/health"');
  expect(await (await get("/api/openapi.json")).json()).toMatchObject({ openapi: "3.1.0" });
  expect(await (await get("/api/docs")).text()).toContain("/api/docs/start.js");
  expect(await (await get("/api/docs/start.js")).text()).toContain("/api/openapi.json");
});

test("the trace goes on to the pages", async () => {
  const headers = { "x-correlation-id": "order-42", traceparent: PARENT };
  const answer = await get("/", { headers });
  expect(answer.headers.get("x-correlation-id")).toBe("order-42");
  const traceparent = answer.headers.get("traceparent") ?? "";
  expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  const seen = (await answer.json()) as Record<string, string>;
  expect(seen).toMatchObject({ "x-correlation-id": "order-42", traceparent });
  const policy = answer.headers.get("content-security-policy");
  expect(policy).toMatch(/script-src 'self' 'nonce-[^']+'/);
  expect(seen["content-security-policy"]).toBe(policy);
  await expect
    .poll(logged)
    .toMatchObject([{ path: "/", route: "/", status: 200, event: "request" }]);
});

test("a program that asks for nothing that is there gets a problem", async () => {
  const answer = await get("/nowhere");
  expect(answer.status).toBe(404);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  const correlation_id = answer.headers.get("x-correlation-id");
  expect(await answer.json()).toMatchObject({ status: 404, correlation_id });
  const refused = await get("/health", { method: "DELETE" });
  expect(refused.status).toBe(405);
  expect(refused.headers.get("allow")).toBe("GET, HEAD");
});

test("a method that is not there is refused with those that are", async () => {
  const { port } = server.address() as AddressInfo;
  const path = "/api/session";
  const asked = request({ host: "127.0.0.1", port, path, method: "TRACE" }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(405); // Next would break
  expect(answer.headers.allow).toBe("POST, DELETE, OPTIONS");
  const next = await get(path, { method: "PUT" }); // Next refuses it itself
  expect(next.headers.get("allow")).toBe("POST, DELETE, OPTIONS");
  expect((await get(path, { method: "DELETE" })).headers.get("allow")).toBeNull();
});

test("what was not foreseen is in the log and nowhere else", async () => {
  const answer = await get("/api/fail");
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toMatch(/inner|outer/);
  const failed = logged().find(({ level }) => level === "error");
  expect(failed?.["exception"]).toMatch(/outer[^]*caused by: Error: inner/);
});
