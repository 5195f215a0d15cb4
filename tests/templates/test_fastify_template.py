"""The Fastify template: what it writes, and that what it writes is clean, typed and tested."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rendering import COMBINATIONS, TOP, render

from nexus_cli.engine import tools
from nexus_cli.engine.node_project import npm

TEMPLATE = TOP / "templates" / "service" / "fastify"
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
        for name in ("definitions", "fields", "hooks", "lists", "resource", "routes", "store", "versions")
    ),
    "seeds/generated.sql",
    "src/generated/seed.ts",
    "tests/generated/resources.test.ts",
}
REDIS = {"src/generated/cache.ts", "tests/generated/idempotency.test.ts"}
NATS = {"src/generated/events.ts", "tests/generated/events.test.ts"}
OUTBOX = "src/generated/outbox.ts"
CALLS = {"src/generated/clients.ts", "tests/generated/clients.test.ts"}
EXPECTED = {
    "plain": EVERY,
    "both": EVERY | REDIS | NATS | {"src/domain/events.ts"},
    "caller": EVERY | CALLS,
    "everything": EVERY | DATABASE | RESOURCES | REDIS | NATS | CALLS | {"src/domain/events.ts", OUTBOX},
    "a-service-with-a-rather-long-name": EVERY | DATABASE | RESOURCES,
}
CHECKS = (
    ("prettier", "--check", "."),
    ("eslint", "--max-warnings", "0", "."),
    ("tsc",),
    ("vitest", "run"),
)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Services by the name of their combination."""
    root = tmp_path_factory.mktemp("services")

    def make(name: str) -> Path:
        folder = root / name
        if not folder.exists():
            render(folder, {**COMBINATIONS[name], "name": name}, TEMPLATE)
        return folder

    return make


@pytest.fixture(scope="module")
def packages(generated: Callable[[str], Path]) -> Path:
    """Everything that any combination locks."""
    tools.install(tools.TOOLCHAINS["node"], print)
    folder = generated("everything")
    done = npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder, progress=print)
    assert done.code == 0, done.err
    return folder / "node_modules"


@pytest.mark.parametrize("name", list(EXPECTED))
def test_it_writes_only_what_the_combination_needs(generated: Callable[[str], Path], name: str) -> None:
    folder = generated(name)
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert {str(path) for path in found if "node_modules" not in path.parts} == EXPECTED[name]


def test_a_second_rendering_leaves_what_people_own(tmp_path: Path) -> None:
    answers = {**COMBINATIONS["everything"], "name": "everything"}
    folder = render(tmp_path / "everything", answers, TEMPLATE)
    own = ["src/domain/service.ts", "tests/domain/domain.test.ts", "migrations/0001_initial.sql"]
    theirs = ["src/generated/app.ts", "package.json"]
    for path in [*own, *theirs]:
        (folder / path).write_text("mine", encoding="utf-8")
    render(folder, answers, TEMPLATE)
    assert all((folder / path).read_text(encoding="utf-8") == "mine" for path in own)
    assert all((folder / path).read_text(encoding="utf-8") != "mine" for path in theirs)


@pytest.mark.parametrize("name", list(COMBINATIONS))
def test_every_package_is_pinned_by_hash_and_has_no_address(
    generated: Callable[[str], Path], name: str
) -> None:
    folder = generated(name)
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    service, packages = lock["packages"].pop(""), lock["packages"].values()
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    for kind in ("dependencies", "devDependencies"):
        assert service[kind] == wanted[kind]
        for package, version in wanted[kind].items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version)
            assert lock["packages"][f"node_modules/{package}"]["version"] == version


@pytest.mark.parametrize("name", list(COMBINATIONS))
def test_it_is_formatted_linted_typed_and_tested(
    packages: Path, generated: Callable[[str], Path], name: str
) -> None:
    folder = generated(name)
    if not (folder / "node_modules").exists():
        shutil.copytree(packages, folder / "node_modules", symlinks=True, copy_function=os.link)
    node = tools.programs(tools.TOOLCHAINS["node"])
    path = os.pathsep.join([str(folder / "node_modules" / ".bin"), str(node), os.environ["PATH"]])
    for command in CHECKS:
        done = subprocess.run(
            [str(folder / "node_modules" / ".bin" / command[0]), *command[1:]],
            cwd=folder,
            env={**os.environ, "PATH": path, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("name", ["plain", "both", "caller"])
def test_it_imports_only_what_its_lock_holds(generated: Callable[[str], Path], name: str) -> None:
    folder = generated(name)
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"].keys()
    sources = (path.read_text(encoding="utf-8") for path in (folder / "src").rglob("*.ts"))
    imported = {name for text in sources for name in re.findall(r'(?:from|import\()\s*"([^."][^"]*)"', text)}
    assert {module for module in imported if not module.startswith("node:")} == set(wanted)
