"""Every service type keeps the service contract: a bare service and one with everything, on real servers."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rigs import Servers, rig_of

from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.model import Platform
from nexus_cli.blueprint.types import SERVICE_TYPES
from nexus_cli.conformance.clause import Clause, judge
from nexus_cli.conformance.rig import Rig
from nexus_cli.conformance.suite import CLAUSES, clauses
from nexus_cli.engine import python_project
from nexus_cli.scaffold.service import variables
from nexus_cli.testing import platform_tests
from nexus_cli.testing.case import Case
from nexus_cli.testing.contract import document
from nexus_cli.testing.e2e import browser
from nexus_cli.testing.run import Asked
from nexus_cli.tokens import DevelopmentKeys
from nexus_cli.workspace import find
from tests.conftest import skip_for

PLATFORM = """\
nexus: v1
kind: platform
name: test-bed-%s
include: ["blueprints/**/*.yaml", "catalogue:postgres", "catalogue:redis", "catalogue:nats"]
"""
BARE = "{nexus: v1, kind: service, name: bare, type: %s, port: 4001}\n"
REFERENCE = """\
nexus: v1
kind: service
name: reference
title: A "reference" & more
type: %s
port: 4002
uses: [postgres, redis, nats]
secrets: [API_KEY]
events: {publishes: [thing.created], consumes: [order.created, thing.deleted]}
resources:
  thing:
    fields:
      code: string unique
      note: text optional
      count: int = 3
      weight: float
      price: money
      fee: money = 1.50
      done: bool = false
      spare: bool = true
      day: date optional
      moment: datetime
      tag: uuid optional
      extra: json optional
      status: enum(new, in-work, done) = new
    states: {new: [in-work], in-work: [done]}
    events: {created: thing.created, updated: thing.updated, deleted: thing.deleted}
  spare-part:
    fields: {thing: ref(thing), elsewhere: ref(unknown) optional, before: ref(spare-part) optional}
    operations: [list, get, create]
  entry:
    tenant: true
    fields: {account: ref(account), thing: ref(thing) optional, amount: money}
  account:
    tenant: true
    fields: {code: string unique, limit: int optional}
"""
SHOWN = """\
nexus: v1
kind: service
name: reference
title: A "reference" & more
type: %s
port: 4002
uses: [bare]
secrets: [API_KEY]
"""
USED = "users: [reference]"
PACKAGES = {
    name: f"{{nexus: v1, kind: package, name: {name}, type: {kind}, language: typescript, {USED}}}"
    for name, kind in {"ui": "react", "waits": "library"}.items()
}
OWN = {
    "packages/ui/src/Counter.tsx": """\
"use client";

import { type ReactElement, useState } from "react";

import { Button } from "./Button.tsx";

export function Counter(): ReactElement {
  const [count, setCount] = useState(0);
  return <Button variant="danger" onClick={() => setCount(count + 1)}>Pressed {count} times</Button>;
}
""",
    "packages/ui/src/index.ts": """\
export { Button } from "./Button.tsx";
export { Counter } from "./Counter.tsx";
""",
    # What lies there once somebody has worked on the package: an application has one React, its own.
    "packages/ui/node_modules/react/package.json": '{"name": "react", "version": "19.0.0"}',
    "packages/ui/node_modules/react/index.js": 'throw new Error("a second React");\n',
    "reference/src/app/shared/page.tsx": """\
import { backoff } from "@test-bed-nextjs/waits";
import { Button, Counter } from "@test-bed-nextjs/ui";

export default function Shared() {
  return <main><Button busy>Wait {backoff(3)} ms</Button><Counter /></main>;
}
""",
    "reference/tests/e2e/test_shared.py": """\
import pytest
from playwright.sync_api import Page, expect


@pytest.fixture(scope="session")
def base_url(service) -> str:
    return service("reference").url


def test_components_of_a_package_work(page: Page) -> None:
    page.goto("/shared")
    expect(page.get_by_role("button", name="Wait 800 ms")).to_have_attribute("aria-busy", "true")
    page.get_by_role("button", name="Pressed 0 times").click()
    button = page.get_by_role("button", name="Pressed 1 times")
    expect(button).to_have_css("background-color", "rgb(185, 28, 28)")
""",
}
"""A page of what packages of the workspace bring, as they lie there."""
LOG_OUT = re.compile(r'(?<=method:")DELETE(?=")')
"""What the button of the web application's bar asks its server for."""


def reference(kind: str) -> str:
    """The service with everything that there is in its type."""
    return REFERENCE if SERVICE_TYPES[kind].models else SHOWN


def packages(kind: str) -> dict[str, str]:
    """The packages of the workspace that it uses, where it shows what others keep."""
    return {} if SERVICE_TYPES[kind].models else PACKAGES


@cache
def platform(kind: str) -> Platform:
    """A platform whose services are of one type; its name keeps their events apart from others'."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "blueprints" / "packages").mkdir(parents=True)
        (root / "nexus.yaml").write_text(PLATFORM % kind, encoding="utf-8")
        for name, text in {"bare": BARE, "reference": reference(kind)}.items():
            (root / "blueprints" / f"{name}.yaml").write_text(text % kind, encoding="utf-8")
        for name, text in packages(kind).items():
            (root / "blueprints" / "packages" / f"{name}.yaml").write_text(text, encoding="utf-8")
        return load(root)


def answers(kind: str, name: str) -> dict[str, Any]:
    return variables(platform(kind), platform(kind).services[name])


@pytest.fixture(scope="module")
def rigs(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[Callable[[str, str], Rig]]:
    """Generated services by type and name, each in its own environment, migrated and ready."""
    with ExitStack() as stack:

        @cache
        def rig(kind: str, name: str) -> Rig:
            root = tmp_path_factory.mktemp(f"{kind}-{name}")
            own = {} if SERVICE_TYPES[kind].models else OWN
            service = platform(kind).services[name]
            made = rig_of(root, platform(kind), service, answers(kind, name), servers, own)
            if made.migrate:
                made.migrated()
            made.service.up()
            stack.callback(made.service.stop)
            return made

        yield rig


CASES = [
    pytest.param(kind, name, clause, id=f"{kind}-{name}-{clause.name}")
    for kind in SERVICE_TYPES
    for name in ("bare", "reference")
    if name == "reference" or SERVICE_TYPES[kind].models
    for clause in clauses(answers(kind, name))
]


@pytest.mark.timeout(600)  # the first one of a service installs what it needs, and builds it
@pytest.mark.parametrize(("kind", "name", "clause"), CASES)
def test_a_service_keeps_the_contract(
    rigs: Callable[[str, str], Rig], kind: str, name: str, clause: Clause
) -> None:
    verdict = judge(clause, rigs(kind, name))
    assert verdict.kept, f"{clause.says}\n{verdict.reason}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", SERVICE_TYPES)
def test_a_service_answers_as_its_document_says(
    rigs: Callable[[str, str], Rig], tmp_path: Path, kind: str
) -> None:
    rig = rigs(kind, "reference")
    (tmp_path / "nexus.yaml").write_text("{nexus: v1, kind: platform, name: shop}")
    asked = Asked(find(tmp_path), load(tmp_path), tmp_path / "results")
    service = platform(kind).services["reference"]
    description = rig.service.get("/api/openapi.json").json
    cases = list(document.check(asked, service, f"http://127.0.0.1:{rig.service.port}", description))
    assert [(case.name, case.message) for case in cases if case.status != "passed"] == []
    assert cases


def pages_of(rig: Rig, workspace: Path) -> dict[str, str]:
    """What comes of the tests of pages that the application brings, in a browser, by their names."""
    (workspace / "nexus.yaml").write_text("{nexus: v1, kind: platform, name: shop}")
    asked = Asked(find(workspace), load(workspace), workspace / "results")
    home = platform_tests.project(asked, "e2e")
    python_project.build(home, print)
    site = next((python_project.environment(home) / "lib").glob("python*/site-packages"))
    running = {rig.answers["name"]: {"url": f"http://127.0.0.1:{rig.service.port}", "variables": {}}}
    token = DevelopmentKeys(workspace / "keys").token("ann", issuer="shop")
    said = {"platform": "shop", "environment": "test", "gateway_url": "", "services": running, "token": token}
    (workspace / "stack.json").write_text(json.dumps(said))
    cases: list[Case] = []
    with tempfile.TemporaryDirectory() as scratch:
        variables = {
            "NEXUS_STACK": str(workspace / "stack.json"),
            "TMPDIR": scratch,
            **browser.variables(browser.find(), site, Path(scratch)),
        }
        folder = workspace / "e2e"
        shutil.copytree(rig.cwd / "tests" / "e2e", folder, dirs_exist_ok=True)
        platform_tests.run_folder(
            asked, "e2e", folder, variables, cases.append, "-p", "nexus_browser", home=home
        )
    return {case.name.partition("[")[0]: f"{case.status} {case.message}".strip() for case in cases}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", [pytest.param("nextjs", id="nextjs-pages")])
def test_pages_pass_their_own_tests_and_a_broken_button_does_not(
    rigs: Callable[[str, str], Rig], tmp_path: Path, kind: str
) -> None:
    skip_for("" if browser.find() else browser.MISSING)
    rig = rigs(kind, "reference")
    clean = pages_of(rig, tmp_path)
    assert set(clean.values()) == {"passed"}, clean
    assert len(clean) == 5
    # The button's program, as browsers are given it.
    chunks = [*(rig.cwd / "dist").rglob("static/chunks/**/*.js")]
    written = next((path for path in chunks if LOG_OUT.search(path.read_text())), None)
    assert written is not None
    text = written.read_text()
    try:
        written.write_text(LOG_OUT.sub("HEAD", text))
        broken = pages_of(rig, tmp_path)
    finally:
        written.write_text(text)
    assert [name for name, status in broken.items() if status != "passed"] == ["test_one_can_log_out"]


def test_the_reference_is_spoken_to_by_every_clause() -> None:
    assert clauses(answers("fastapi", "reference")) == list(CLAUSES)
    assert len({clause.name for clause in CLAUSES}) == len(CLAUSES)
    assert all(clause.says.endswith(".") for clause in CLAUSES)
