"""The Next.js template: what it writes is clean, typed and tested, and is built once for each state of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rendering import HOSTILE, PART, THING, TOP, render

from nexus_cli.blueprint.load import load
from nexus_cli.engine import node_project, tools
from nexus_cli.errors import NexusError
from nexus_cli.sdk.generate import generate
from nexus_cli.sdk.source import read
from nexus_cli.testing.run import Asked
from nexus_cli.testing.subject import Subject
from nexus_cli.testing.toolchains import node
from nexus_cli.unit import NodeProject
from nexus_cli.workspace import find

TEMPLATE = TOP / "templates" / "service" / "nextjs"
SERVICES: dict[str, dict[str, Any]] = {
    "plain": {"title": HOSTILE, "description": HOSTILE, "owner": HOSTILE},
    "everything": {
        "calls": ["catalog", "user-management"],
        "apis": [
            {
                "name": "catalog",
                "title": HOSTILE,
                "resources": [THING | {"path": "/api/v1/things"}, PART | {"path": "/parts"}],
                "moved": [
                    {"inside": "/api/v1/things", "path": "/api/v1/things"},
                    {"inside": "/api/v1", "path": ""},
                ],
            },
            {"name": "user-management", "title": "Users", "resources": []},
        ],
        "packages": [
            {"name": "ui", "type": "react", "scope": "shop", "path": "../ui"},
            {"name": "waits", "type": "library", "scope": "shop", "path": "../waits"},
            {
                "name": "catalog-client",
                "type": "library",
                "scope": "shop",
                "path": "../catalog-client",
                "client_of": "catalog",
            },
        ],
        "secrets": ["API_KEY"],
        "license": "MIT",
    },
}
SHARED = """\
// @vitest-environment jsdom
import { Button } from "@shop/ui";
import { backoff } from "@shop/waits";
import { fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { expect, test } from "vitest";

function Counter() {
  const [count, setCount] = useState(0);
  const press = () => {
    setCount(count + 1);
  };
  return <Button onClick={press}>Wait {backoff(count)} ms</Button>;
}

test("a component of a package has the React of the application", () => {
  render(<Counter />);
  fireEvent.click(screen.getByRole("button", { name: "Wait 100 ms" }));
  expect(screen.getByRole("button", { name: "Wait 200 ms" })).toBeDefined();
});
"""
CALLED = """\
import { afterEach, expect, test, vi } from "vitest";

import { clients } from "../../src/generated/clients.ts";
import { ENVIRONMENT } from "../support.ts";

vi.mock("next/headers", () => ({
  headers: () => Promise.resolve(new Headers({ "x-correlation-id": "mine" })),
  cookies: () => Promise.resolve({ get: () => ({ value: "a.b.c" }) }),
}));

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

test("a typed client calls through the gateway for whoever is logged in", async () => {
  for (const [name, value] of Object.entries(ENVIRONMENT)) vi.stubEnv(name, value);
  vi.stubEnv("GATEWAY_URL", "http://gateway.test");
  const seen: Request[] = [];
  vi.stubGlobal("fetch", (request: Request) => {
    seen.push(request);
    return Promise.resolve(Response.json({ id: "7", name: "lamp" }));
  });
  const api = await clients.catalog();
  const found = await api.things.getThing({ id: "7" });
  expect(found.name).toBe("lamp");
  expect(seen.map(({ url }) => url)).toEqual(["http://gateway.test/api/v1/things/7"]);
  expect(seen[0]?.headers.get("authorization")).toBe("Bearer a.b.c");
  expect(seen[0]?.headers.get("x-correlation-id")).toBe("mine");
  await api.parts.addPart({ body: { id: "8", name: "lid" } });
  expect([seen[1]?.method, seen[1]?.url]).toEqual(["POST", "http://gateway.test/parts"]);
  expect(await seen[1]?.json()).toEqual({ id: "8", name: "lid" });
});
"""
DOCUMENT = """\
openapi: 3.1.0
info: {title: Catalog, version: 1.0.0}
paths:
  /api/v1/things/{id}:
    get:
      operationId: getThing
      tags: [things]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses:
        "200":
          description: The thing
          content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}
  /api/v1/parts:
    post:
      operationId: addPart
      tags: [parts]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}
      responses:
        "200":
          description: Added
          content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}
components:
  schemas:
    Thing: {type: object, required: [id, name], properties: {id: {type: string}, name: {type: string}}}
"""
SHAPE = (("prettier", "--check", "."), ("tsc",))
CHECKS = {"plain": SHAPE, "everything": (*SHAPE, ("eslint", "--max-warnings", "0", "."), ("vitest", "run"))}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> NodeProject:
    """The application with everything, its packages installed and nothing built."""
    folder = tmp_path_factory.mktemp("web") / "web"
    render(folder, {**SERVICES["everything"], "name": "web"}, TEMPLATE)
    (folder / "build.ts").write_text(BUILD)
    project = NodeProject(folder, makes="dist", sources=("src", "build.ts"))
    node_project.build(project, print)
    return project


BUILD = """\
import { mkdirSync, writeFileSync } from "node:fs";

mkdirSync("dist", { recursive: true });
writeFileSync("dist/main.mjs", String(Date.now()));
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", list(SERVICES))
def test_it_is_formatted_linted_typed_and_tested(project: NodeProject, tmp_path: Path, name: str) -> None:
    folder = render(tmp_path / name, {**SERVICES[name], "name": name}, TEMPLATE)
    (folder / "node_modules").symlink_to(node_project.packages(project))
    for package in SERVICES[name].get("packages", []):
        place = _made(tmp_path / package["name"], package)
        link = node_project.packages(project) / "@shop" / package["name"]
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(place)
        (folder / "tests" / "app" / "shared.test.tsx").write_text(SHARED)
        (folder / "tests" / "app" / "called.test.ts").write_text(CALLED)
    programs = node_project.packages(project) / ".bin"
    path = os.pathsep.join([str(tools.programs(tools.TOOLCHAINS["node"])), os.environ["PATH"]])
    for command in CHECKS[name]:
        done = subprocess.run(
            [str(programs / command[0]), *command[1:]],
            cwd=folder,
            env={**os.environ, "PATH": path, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def _made(place: Path, package: dict[str, str]) -> Path:
    """A package of the workspace: from its template, or from the document of the service that it calls."""
    if "client_of" not in package:
        shared = TOP / "templates" / "package" / package["type"] / "typescript"
        return render(place, {"name": package["name"], "scope": "shop"}, shared)
    document = place.with_suffix(".yaml")
    document.write_text(DOCUMENT)
    name = f"@{package['scope']}/{package['name']}"
    generate(
        read(str(document)), "typescript", place, package=name, within=True, verify=False, progress=print
    )
    return place


MARKED = """\
import { expect, test } from "vitest";

test("quick", () => expect(1).toBe(1));
test("slow", { tags: ["slow"] }, () => expect(1).toBe(2));
test.skip("later", { tags: ["slow"] }, () => expect(1).toBe(2));
"""
MARKS = """\
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { tags: [{ name: "slow" }] } });
"""


@pytest.mark.parametrize(
    ("tags", "config", "found"),
    [
        (
            ("slow", "slower"),
            MARKS.replace("] }", ', { name: "slower" }] }'),
            {"slow": "failed", "later": "skipped"},
        ),
        (("slower",), MARKS, {}),
        (("slow",), "", {}),
    ],
)
def test_marks_choose_among_tests(
    project: NodeProject, tmp_path: Path, tags: tuple[str, ...], config: str, found: dict[str, str]
) -> None:
    (tmp_path / "nexus.yaml").write_text("{nexus: v1, kind: platform, name: shop}")
    web = tmp_path / "web"
    (web / "tests").mkdir(parents=True)
    (web / "package.json").write_text('{"type": "module"}')
    (web / "vitest.config.ts").write_text(config or MARKS.replace('tags: [{ name: "slow" }]', ""))
    (web / "tests" / "a.test.ts").write_text(MARKED if config else MARKED.replace("tags", "tagged"))
    (web / "node_modules").symlink_to(node_project.packages(project))
    asked = Asked(find(tmp_path), load(tmp_path), tmp_path / "results", tags=tags)
    cases = node.run(Subject("web", web, "node"), asked, ()).cases
    assert {case.name: case.status for case in cases} == found


def test_it_is_built_when_a_source_has_changed_and_only_then(project: NodeProject) -> None:
    made = project.folder / "dist" / "main.mjs"
    first = made.read_text()
    assert node_project.built(project)
    node_project.build(project, print)
    assert made.read_text() == first
    (project.folder / "src" / "app" / "new.ts").write_text("export {};\n")
    assert not node_project.built(project)
    node_project.build(project, print)
    assert node_project.built(project)
    assert made.read_text() != first


def test_it_is_built_when_a_package_of_the_workspace_has_changed(tmp_path: Path) -> None:
    for path, text in {
        "web/package.json": '{"name": "web", "version": "1.0.0", "scripts": {"build": "node build.ts"}}',
        "web/package-lock.json": '{"name": "web", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}',
        "web/build.ts": BUILD,
        "ui/package.json": '{"name": "@shop/ui"}',
        "ui/src/index.ts": "export {};\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    shared = ("src", "package.json")
    web = NodeProject(
        tmp_path / "web", packages=(tmp_path / "ui",), makes="dist", sources=("build.ts",), shared=shared
    )
    node_project.build(web, print)
    assert (tmp_path / "web/node_modules/@shop/ui").resolve() == tmp_path / "ui"
    (tmp_path / "ui" / "README.md").write_text("A word on it.\n")
    assert node_project.built(web)
    (tmp_path / "ui/src/index.ts").write_text("export const one = 1;\n")
    assert not node_project.built(web)


def test_a_build_that_fails_says_why_and_leaves_what_was_there(project: NodeProject) -> None:
    made = (project.folder / "dist" / "main.mjs").read_text()
    (project.folder / "build.ts").write_text('console.error("no such page"); process.exit(1);\n')
    with pytest.raises(NexusError, match=r"could not be built:\n  no such page"):
        node_project.build(project, print)
    assert (project.folder / "dist" / "main.mjs").read_text() == made
