// @vitest-environment jsdom
/** What people see; never overwritten. */
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Dashboard } from "../../src/components/Dashboard.tsx";
import { LoginForm } from "../../src/components/LoginForm.tsx";
import { perDay } from "../../src/components/per-day.ts";
import { Providers } from "../../src/components/Providers.tsx";
import { ResourceTable } from "../../src/components/ResourceTable.tsx";
import { Shell } from "../../src/components/Shell.tsx";
import { apis, type Item } from "../../src/generated/apis.ts";

const went = vi.hoisted(() => vi.fn<(to: string) => void>());
vi.mock("next/navigation", () => ({ useRouter: () => ({ replace: went }) }));
vi.mock("../../src/generated/apis.ts", async (original) => ({
  ...(await original<object>()),
  apis: {
    catalog: {
      title: "Catalog",
      resources: { things: { title: "Things", path: "/api/v1/things", fields: { done: "bool" } } },
    },
  },
}));

const THINGS = { title: "Things", path: "/api/v1/things", fields: { done: "bool", size: "json" } };

let answers: Record<string, () => Response>;

function item(id: string, more: object = {}): Item {
  const at = "2026-11-20T10:00:00.000Z";
  return { id, created_at: at, updated_at: at, ...more };
}

function show(what: ReactNode): void {
  render(<Providers>{what}</Providers>);
}

beforeEach(() => {
  answers = {};
  const nothing = () => undefined; // jsdom lays nothing out
  const observer = { observe: nothing, unobserve: nothing, disconnect: nothing };
  vi.stubGlobal("ResizeObserver", function () {
    return observer;
  });
  vi.stubGlobal("fetch", (url: string) => {
    const [, make] = Object.entries(answers).find(([start]) => url.startsWith(start)) ?? [];
    return Promise.resolve(make?.() ?? new Response(null, { status: 404 }));
  });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("a token logs in, and a wrong one is explained", async () => {
  answers = { "/api/session": () => Response.json({ detail: "No token." }, { status: 422 }) };
  show(<LoginForm />);
  fireEvent.change(screen.getByLabelText("Access token"), { target: { value: "x" } });
  fireEvent.click(screen.getByRole("button"));
  expect((await screen.findByRole("alert")).textContent).toBe("No token.");
  answers = { "/api/session": () => new Response(null, { status: 204 }) };
  fireEvent.click(screen.getByRole("button"));
  await expect.poll(() => went.mock.lastCall).toEqual(["/"]);
});

test("the frame names the person and the way to each resource", async () => {
  answers = { "/api/session": () => new Response(null, { status: 204 }) };
  show(
    <Shell person="ada" current="/catalog/things">
      content
    </Shell>,
  );
  expect(screen.getByText("ada")).toBeTruthy();
  const link = screen.getByRole("link", { name: "Things" });
  expect([link.getAttribute("href"), link.ariaCurrent]).toEqual(["/catalog/things", "page"]);
  fireEvent.click(screen.getByRole("button", { name: "Log out" }));
  await expect.poll(() => went.mock.lastCall).toEqual(["/login"]);
});

test("the dashboard shows what there is", async () => {
  expect(Object.keys(apis)).toEqual(["catalog"]);
  answers = {
    "/api/services": () => Response.json([{ name: "catalog", status: "up" }]),
    "/api/gateway": () => Response.json({ items: [item("1"), item("2")], next_cursor: null }),
  };
  show(<Dashboard />);
  expect(await screen.findByText("up")).toBeTruthy();
  expect(await screen.findByText("2")).toBeTruthy();
});

test("a table shows a resource part by part", async () => {
  let parts = 0;
  answers = {
    "/api/gateway": () => {
      parts += 1;
      const items = [
        item(String(parts), { done: parts === 1, size: parts === 1 ? { x: 1 } : null }),
      ];
      return Response.json({ items, next_cursor: parts === 1 ? "1" : null });
    },
  };
  show(<ResourceTable resource={THINGS} />);
  expect(await screen.findByText("yes")).toBeTruthy();
  expect(screen.getByText('{"x":1}')).toBeTruthy();
  expect(screen.getByText("2026-11-20 10:00")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Show more" }));
  expect(await screen.findByText("no")).toBeTruthy();
  expect(screen.getByText("–")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});

test("a table is sorted by a column, up, down and not at all", async () => {
  const asked: string[] = [];
  answers = {
    "/api/gateway": () => Response.json({ items: [item("1", { done: true })], next_cursor: null }),
  };
  const answer = globalThis.fetch;
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(new URL(url, "http://web").searchParams.get("sort") ?? "");
    return answer(url);
  });
  show(<ResourceTable resource={THINGS} />);
  expect(await screen.findByText("yes")).toBeTruthy();
  expect(screen.queryByRole("button", { name: /^done/ })).toBeNull();
  for (const [sort, state] of [
    ["created_at", "ascending"],
    ["-created_at", "descending"],
    ["", "none"],
  ] as const) {
    fireEvent.click(screen.getByRole("button", { name: /^created at/ }));
    expect(screen.getByRole("columnheader", { name: /^created at/ }).ariaSort).toBe(state);
    await expect.poll(() => asked.includes(sort)).toBe(true);
  }
  expect(asked.slice(0, 3)).toEqual(["", "created_at", "-created_at"]);
});

test("an empty table says so", async () => {
  answers = { "/api/gateway": () => Response.json({ items: [], next_cursor: null }) };
  show(<ResourceTable resource={THINGS} />);
  expect(await screen.findByText("There are none yet.")).toBeTruthy();
});

test("days are counted, today last", () => {
  const days = perDay([item("1"), item("2")], new Date("2026-11-21T12:00:00Z"));
  expect(days).toHaveLength(7);
  expect(days.slice(-2)).toEqual([
    { day: "11-20", created: 2 },
    { day: "11-21", created: 0 },
  ]);
});
