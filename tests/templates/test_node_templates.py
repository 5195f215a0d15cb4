"""The templates of Node services: what they write, and that it is clean, typed and tested."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest
from rendering import COMBINATIONS, TOP, render

from nexus_cli.engine import tools
from nexus_cli.engine.node_project import npm

TEMPLATES = {kind: TOP / "templates" / "service" / kind for kind in ("fastify", "express")}
EVERY = {
    *(".copier-answers.yml", ".dockerignore", ".gitignore", ".prettierignore", ".prettierrc.json"),
    *("Dockerfile", "README.md", "eslint.config.ts", "package-lock.json", "package.json", "tsconfig.json"),
    *("vitest.config.ts", "src/main.ts", "src/domain/routes.ts", "src/domain/service.ts"),
    *(
        f"src/generated/{name}.ts"
        for name in (
            *("app", "docs", "errors", "extension", "health", "identity", "logs", "metrics", "problems"),
            *("requests", "runtime", "server", "settings", "tracing", "validation"),
        )
    ),
    *("tests/support.ts", "tests/domain/domain.test.ts"),
    *("tests/generated/contract.test.ts", "tests/generated/settings.test.ts"),
}
DATABASE = {
    "migrations/0001_initial.sql",
    "src/domain/tables.ts",
    "src/generated/database.ts",
    "src/generated/migrate.ts",
    "tests/generated/database.test.ts",
}
RESOURCES = {
    *(
        f"src/generated/resources/{name}.ts"
        for name in (
            "definitions",
            "fields",
            "hooks",
            "lists",
            "resource",
            "routes",
            "storable",
            "store",
            "versions",
        )
    ),
    "seeds/generated.sql",
    "src/generated/seed.ts",
    "tests/generated/resources.test.ts",
}
REDIS = {"src/generated/cache.ts", "tests/generated/idempotency.test.ts"}
NATS = {"src/generated/events.ts", "tests/generated/events.test.ts"}
HANDLERS = {"src/domain/events.ts"}
OUTBOX = "src/generated/outbox.ts"
REPORTS = {"src/generated/reports.ts", "tests/generated/reports.test.ts"}
CALLS = {"src/generated/clients.ts", "tests/generated/clients.test.ts"}
EXPECTED = {
    "plain": EVERY,
    "both": EVERY | REDIS | NATS | HANDLERS,
    "caller": EVERY | CALLS,
    "reporter": EVERY | REPORTS,
    "storing": EVERY,
    "everything": EVERY.union(DATABASE, RESOURCES, REDIS, NATS, REPORTS, CALLS, HANDLERS, {OUTBOX}),
    "a-service-with-a-rather-long-name": EVERY | DATABASE | RESOURCES,
}
OWN = {
    "fastify": set[str](),
    "express": {
        *("src/generated/bodies.ts", "src/generated/routing.ts", "tests/generated/routing.test.ts"),
    },
}
# What speaks to the framework; everything else is the same in both templates.
FRAMEWORK = {
    *("package.json.jinja", "package-lock.json.jinja", "tests/support.ts.jinja"),
    *(f"src/generated/{name}.ts" for name in ("docs", "requests", "validation")),
    *(f"src/generated/{name}.ts.jinja" for name in ("app", "problems", "server")),
    "src/generated/{% if 'REDIS_URL' in connections %}cache.ts{% endif %}.jinja",
}
CHECKS = (("prettier", "--check", "."), ("eslint", "--max-warnings", "0", "."), ("tsc",), ("vitest", "run"))
LIBRARY = TOP / "templates" / "package" / "library" / "typescript"
WAITS = """\
import { backoff } from "@shop/exact-money";

export const FIRST: number = backoff(0);
"""
WAITS_TEST = """\
import { expect, test } from "vitest";

import { FIRST } from "../../src/domain/waits.ts";

test("the first wait", () => {
  expect(FIRST).toBe(100);
});
"""
BOTH_ENDS = ("everything", "plain")
MANY_NAMES = "a-service-with-a-rather-long-name"
"""What is like no other is that it has many resources with such names as others have."""
each_type = pytest.mark.parametrize("kind", list(TEMPLATES))
each_combination = pytest.mark.parametrize("name", list(COMBINATIONS))


@dataclass
class Services:
    """Every combination of one type, in one folder with the packages that any of them locks."""

    root: Path
    kind: str

    def __post_init__(self) -> None:
        for name, answers in COMBINATIONS.items():
            render(self.root / name, {**answers, "name": name}, TEMPLATES[self.kind])

    @cached_property
    def programs(self) -> Path:
        """The tools that the packages bring, for all of them at once."""
        tools.install(tools.TOOLCHAINS["node"], print)
        for name in ("package.json", "package-lock.json", ".prettierignore"):
            shutil.copy(self.root / "everything" / name, self.root)
        done = npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=self.root, progress=print)
        assert done.code == 0, done.err
        (self.root / "package.json").unlink()
        return self.root / "node_modules" / ".bin"

    def written(self, *names: str) -> dict[bytes, str]:
        """Where each text lies first, of all that was written; what variants share is there once."""
        found = (path for name in names or COMBINATIONS for path in sorted((self.root / name).rglob("*")))
        texts: dict[bytes, str] = {}
        for path in found:
            own = {"coverage", "node_modules"}.isdisjoint(path.relative_to(self.root).parts)
            if own and path.is_file() and path.name != "package-lock.json":
                texts.setdefault(path.read_bytes(), str(path.relative_to(self.root)))
        return texts

    def check(self, *command: str, name: str = ".") -> None:
        """Run a tool that must find nothing."""
        node = tools.programs(tools.TOOLCHAINS["node"])
        path = os.pathsep.join([str(self.programs), str(node), os.environ["PATH"]])
        done = subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            cwd=self.root / name,
            env={**os.environ, "PATH": path, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Services]:
    """The services of a type."""
    return cache(lambda kind: Services(tmp_path_factory.mktemp(kind), kind))


@each_type
@pytest.mark.parametrize("name", list(EXPECTED))
def test_it_writes_only_what_the_combination_needs(
    services: Callable[[str], Services], kind: str, name: str
) -> None:
    folder = services(kind).root / name
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert {str(path) for path in found if path.parts[0] != "coverage"} == EXPECTED[name] | OWN[kind]


def test_what_does_not_speak_to_the_framework_is_the_same_in_both() -> None:
    folders = [template / "template" for template in TEMPLATES.values()]
    first, second = ({str(p.relative_to(f)): p for p in f.rglob("*") if p.is_file()} for f in folders)
    assert first.keys() ^ second.keys() == set().union(*OWN.values())
    different = {
        name for name in first.keys() & second if first[name].read_bytes() != second[name].read_bytes()
    }
    assert different == FRAMEWORK, "bring both along with `python tools/share_node_templates.py`"


@each_type
def test_a_second_rendering_leaves_what_people_own(tmp_path: Path, kind: str) -> None:
    answers = {**COMBINATIONS["everything"], "name": "everything"}
    folder = render(tmp_path / "everything", answers, TEMPLATES[kind])
    own = ["src/domain/service.ts", "tests/domain/domain.test.ts", "migrations/0001_initial.sql"]
    theirs = ["src/generated/app.ts", "package.json"]
    for path in [*own, *theirs]:
        (folder / path).write_text("mine", encoding="utf-8")
    render(folder, answers, TEMPLATES[kind])
    assert all((folder / path).read_text(encoding="utf-8") == "mine" for path in own)
    assert all((folder / path).read_text(encoding="utf-8") != "mine" for path in theirs)


@each_type
@each_combination
def test_every_package_is_pinned_by_hash_and_has_no_address(
    services: Callable[[str], Services], kind: str, name: str
) -> None:
    folder = services(kind).root / name
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    service, packages = lock["packages"].pop(""), lock["packages"].values()
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    for group in ("dependencies", "devDependencies"):
        assert service[group] == wanted[group]
        for package, version in wanted[group].items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version)
            assert lock["packages"][f"node_modules/{package}"]["version"] == version


@each_type
@pytest.mark.timeout(300)
def test_all_are_formatted_and_linted(services: Callable[[str], Services], kind: str) -> None:
    """Each text once: what two variants or both templates share is no other in the second of them."""
    every, ends = services(kind).written(), services(kind).written(*BOTH_ENDS)
    if kind != "fastify":
        shared = services("fastify").written()
        every, ends = ({text: some[text] for text in some if text not in shared} for some in (every, ends))
    services(kind).check("prettier", "--check", "--ignore-unknown", *every.values())
    linted = [path for path in ends.values() if path.endswith(".ts")]  # tsc sees what lies between them
    services(kind).check("eslint", "--max-warnings", "0", *linted)


@each_type
@each_combination
@pytest.mark.timeout(300)
def test_it_is_typed_and_tested(services: Callable[[str], Services], kind: str, name: str) -> None:
    services(kind).check("tsc", name=name)
    if kind == "fastify" or name in BOTH_ENDS:  # what lies between them is shared, and tried there
        only = ("--coverage.enabled=false", "resources") if name == MANY_NAMES else ()
        services(kind).check("vitest", "run", *only, name=name)


@pytest.mark.timeout(300)
def test_a_package_of_the_workspace_is_typed_and_tested_with_its_user(
    services: Callable[[str], Services],
) -> None:
    fastify = services("fastify")
    library = fastify.programs.parents[1] / "library"
    render(library, {"name": "exact-money", "scope": "shop"}, LIBRARY)
    used = {"name": "exact-money", "scope": "shop", "path": "../library"}
    folder = render(fastify.root / "user", {"name": "user", "packages": [used]}, TEMPLATES["fastify"])
    (fastify.root / "node_modules/@shop").mkdir(exist_ok=True)
    (fastify.root / "node_modules/@shop/exact-money").symlink_to("../../library")
    (folder / "src/domain/waits.ts").write_text(WAITS)
    (folder / "tests/domain/domain.test.ts").write_text(WAITS_TEST)
    for command in CHECKS:
        fastify.check(*command, name="user")


@each_type
@pytest.mark.parametrize("name", ["plain", "both", "caller", "reporter"])
def test_it_imports_only_what_its_lock_holds(
    services: Callable[[str], Services], kind: str, name: str
) -> None:
    folder = services(kind).root / name
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"].keys()
    sources = (path.read_text(encoding="utf-8") for path in (folder / "src").rglob("*.ts"))
    found = re.compile(r'(?:from|import\(|resolve\()\s*"([^."][^"]*)"')
    imported = {name for text in sources for name in found.findall(text)}
    assert {package_of(module) for module in imported if not module.startswith("node:")} == set(wanted)


def package_of(module: str) -> str:
    """The package that a module is part of."""
    return "/".join(module.split("/")[: 2 if module.startswith("@") else 1])
