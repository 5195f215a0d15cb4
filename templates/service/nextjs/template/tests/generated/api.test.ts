/** The routes of the application's own API. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { GET as gateway } from "../../src/app/api/gateway/[...path]/route.ts";
import { GET as services } from "../../src/app/api/services/route.ts";
import { DELETE as logOut, POST as logIn } from "../../src/app/api/session/route.ts";
import { GatewayError, list } from "../../src/generated/apis.ts";
import { person } from "../../src/generated/session.ts";
import { addresses } from "../../src/generated/settings.ts";
import { ENVIRONMENT, LATER, tokenOf } from "../support.ts";

const kept = vi.hoisted(() => new Map<string, string>());
const sent = vi.hoisted(() => ({ type: "application/json" }));

// Next has cookies and headers only where it serves a request.
vi.mock("next/headers", () => ({
  headers: () =>
    Promise.resolve(new Headers({ "x-forwarded-proto": "https", "content-type": sent.type })),
  cookies: () =>
    Promise.resolve({
      get: (name: string) => (kept.has(name) ? { value: kept.get(name) } : undefined),
      set: (name: string, value: string, options: object) => {
        expect(options).toMatchObject({ httpOnly: true, sameSite: "strict", secure: true });
        kept.set(name, value);
      },
      delete: (name: string) => kept.delete(name),
    }),
}));

const calls: { url: string; headers: Headers }[] = [];
let answer: () => Response;

beforeEach(() => {
  kept.clear();
  calls.length = 0;
  answer = () => Response.json({ items: [], next_cursor: null });
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
  vi.stubGlobal("fetch", (url: URL | string, options?: RequestInit) => {
    calls.push({ url: String(url), headers: new Headers(options?.headers) });
    return Promise.resolve().then(() => answer());
  });
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

function request(path: string, body?: string): Request {
  const headers = { "x-correlation-id": "mine" };
  const options = body === undefined ? {} : { method: "POST", body };
  return new Request(`http://web.test${path}`, { headers, ...options });
}

function read(path: string): Promise<Response> {
  const [names = ""] = path.split("?");
  const params = Promise.resolve({ path: names.split("/") });
  return gateway(request(`/api/gateway/${path}`), { params });
}

test("a token that is valid logs in", async () => {
  const token = tokenOf({ sub: "ada", exp: LATER });
  expect((await logIn(request("/api/session", JSON.stringify({ token })))).status).toBe(204);
  expect(await person()).toEqual({ name: "ada" });
  expect((await logOut()).status).toBe(204);
  expect(await person()).toBeUndefined();
});

test.each([
  ["nothing", "{}"],
  ["no JSON", "{"],
  ["no token", JSON.stringify({ token: "nonsense" })],
  ["a token of nonsense", JSON.stringify({ token: "a.b.c" })],
  ["a token that has expired", JSON.stringify({ token: tokenOf({ sub: "ada", exp: 1 }) })],
])("%s does not log in", async (_, body) => {
  const refused = await logIn(request("/api/session", body));
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ status: 422, correlation_id: "mine" });
  expect(kept.size).toBe(0);
});

test("what any page of the web may send does not log in", async () => {
  const body = JSON.stringify({ token: tokenOf({ sub: "eve", exp: LATER }) });
  sent.type = "text/plain";
  expect((await logIn(request("/api/session", body))).status).toBe(422);
  sent.type = "application/json";
  expect(kept.size).toBe(0);
});

test("the gateway is asked as the person who is logged in", async () => {
  kept.set("session", "a-token");
  const found = await read("api/v1/things?limit=1");
  expect(await found.json()).toEqual({ items: [], next_cursor: null });
  const [call] = calls;
  expect(call?.url).toBe("http://gateway.test/api/v1/things?limit=1");
  expect(call?.headers.get("authorization")).toBe("Bearer a-token");
  expect(call?.headers.get("x-correlation-id")).toBe("mine");
});

test("nothing but the API is reached through the gateway", async () => {
  for (const path of ["metrics", "api/../metrics"]) expect((await read(path)).status).toBe(404);
  expect(calls).toEqual([]);
});

test("a gateway that stays away is a problem", async () => {
  answer = () => {
    throw new TypeError("secret");
  };
  const refused = await read("api/v1/things");
  expect(refused.status).toBe(502);
  expect(await refused.text()).not.toContain("secret");
});

test("services are asked whether they are ready", async () => {
  expect((await services(request("/api/services"))).status).toBe(401);
  kept.set("session", tokenOf({ sub: "ada", exp: LATER }));
  const names = Object.keys(addresses());
  const up = names.map((name) => ({ name, status: "up" }));
  expect(await (await services(request("/api/services"))).json()).toEqual(up);
  answer = () => {
    throw new TypeError("away");
  };
  const down = names.map((name) => ({ name, status: "down" }));
  expect(await (await services(request("/api/services"))).json()).toEqual(down);
});

test("a list is read in parts", async () => {
  const resource = { title: "Things", path: "/api/v1/things", fields: {} };
  expect(await list(resource, { limit: 5, cursor: "x" })).toEqual({ items: [], next_cursor: null });
  expect(calls[0]?.url).toBe("/api/gateway/api/v1/things?limit=5&cursor=x");
  answer = () => new Response(null, { status: 401 });
  await expect(list(resource)).rejects.toThrow("You are not logged in.");
  answer = () => new Response(null, { status: 503 });
  await expect(list(resource)).rejects.toThrow(GatewayError);
});
