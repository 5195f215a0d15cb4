"""The Go template: what it writes is tidy, formatted, vetted and tested."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rendering import COMBINATIONS, TOP, Venv, render
from servers import create, database, postgres

from nexus_cli.engine import go_project
from nexus_cli.unit import GoProject

TEMPLATE = TOP / "templates" / "service" / "go"
STATICCHECK = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
COVERAGE = 80.0
SHOP = ("catalog", "order")
GENERATED = "internal/generated"
EVERY = {
    ".copier-answers.yml",
    ".dockerignore",
    ".gitignore",
    "Dockerfile",
    "README.md",
    "cmd/N/main.go",
    "go.mod",
    "go.sum",
    *(f"internal/domain/{name}.go" for name in ("domain_test", "routes", "service")),
    *(
        f"{GENERATED}/{name}.go"
        for name in (
            *("app/app", "app/app_test", "config/config", "config/config_test", "config/reader"),
            *("extension/extension", "identity/identity", "logging/logging", "logging/logging_test"),
            *("metrics/metrics", "openapi/openapi", "problem/problem", "service/service"),
            *("servicetest/servicetest", "tracing/tracing", "tracing/tracing_test"),
            *("web/around", "web/docs", "web/health", "web/health_test", "web/web", "web/web_test"),
        )
    ),
}
DATABASE = {
    "migrations/00001_initial.sql",
    "migrations/migrations.go",
    *(f"{GENERATED}/database/{name}.go" for name in ("database", "database_test", "migrate")),
}
RESOURCES = {
    *(f"{GENERATED}/input/{name}.go" for name in ("input_test", "object", "parsers")),
    *(f"{GENERATED}/resources/{name}.go" for name in ("resources", "resources_test", "schemas")),
    *(f"{GENERATED}/rest/{name}.go" for name in ("list", "resource", "routes", "table", "version")),
    *(f"{GENERATED}/value/{name}.go" for name in ("value", "value_test")),
    f"{GENERATED}/database/seed.go",
    f"{GENERATED}/resources/schemas.json",
    "seeds/generated.sql",
    "seeds/seeds.go",
}
REDIS = {f"{GENERATED}/cache/{name}.go" for name in ("cache", "idempotency", "idempotency_test")}
NATS = {f"{GENERATED}/events/{name}.go" for name in ("bus", "consume", "event", "events_test", "export_test")}
CALLS = {f"{GENERATED}/clients/{name}.go" for name in ("client", "client_test", "clients")}
BOXES = {f"{GENERATED}/{name}.go" for name in ("database/consumed", "database/outbox", "service/outbox")}
HANDLERS = "internal/domain/events.go"
EXPECTED = {
    "plain": EVERY,
    "both": EVERY | REDIS | NATS | {HANDLERS},
    "caller": EVERY | CALLS,
    "reporter": EVERY,
    "storing": EVERY,
    "everything": EVERY | DATABASE | RESOURCES | REDIS | NATS | CALLS | BOXES | {HANDLERS},
    "a-service-with-a-rather-long-name": EVERY | DATABASE | RESOURCES,
}
Rendered = Callable[[str], Path]


def called(name: str) -> str:
    """What a combination is called: all alike, so that what they share is compiled once; but one is long."""
    return name if "-" in name else "service"


@pytest.fixture(scope="module")
def rendered(
    tmp_path_factory: pytest.TempPathFactory, shop: Callable[[str], dict[str, Any]]
) -> Callable[[str], Path]:
    """Services by name: the combinations, and those of the shop as if they were written in Go."""
    root = tmp_path_factory.mktemp("go-services")

    def make(name: str) -> Path:
        folder = root / name
        if not folder.exists():
            answers = {**COMBINATIONS[name], "name": called(name)} if name in COMBINATIONS else shop(name)
            render(folder, answers, TEMPLATE)
        return folder

    return make


@pytest.fixture(scope="module")
def go(rendered: Rendered) -> Path:
    """The compiler with which nexus builds such services."""
    return go_project.compiler(GoProject(rendered("plain")), print)


@pytest.fixture(scope="module")
def staticcheck(tmp_path_factory: pytest.TempPathFactory, go: Path) -> Path:
    folder = tmp_path_factory.mktemp("staticcheck")
    run([go, "install", STATICCHECK], folder, GOBIN=str(folder), GOFLAGS="-trimpath")
    return folder / "staticcheck"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tools: Venv) -> Iterator[str]:
    """The address of a database in which tests may make schemas."""
    process = postgres(tools.site, tmp_path_factory.mktemp("postgres") / "server")
    process.listen()
    create(tools, process, "tests")
    yield database(process, "tests")
    process.stop()


def run(command: list[str | Path], folder: Path, **environment: str) -> str:
    """Run a command that must succeed; what it printed."""
    variables = {**go_project.settings(os.environ), **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", list(EXPECTED))
def test_it_writes_only_what_the_combination_needs(rendered: Rendered, name: str) -> None:
    folder = rendered(name)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {path.replace(f"cmd/{called(name)}/", "cmd/N/") for path in found} == EXPECTED[name]


def test_a_second_rendering_leaves_what_people_own(tmp_path: Path) -> None:
    answers = {**COMBINATIONS["everything"], "name": "everything"}
    folder = render(tmp_path / "everything", answers, TEMPLATE)
    own = ["internal/domain/service.go", "internal/domain/domain_test.go", "migrations/00001_initial.sql"]
    theirs = [f"{GENERATED}/app/app.go", "cmd/everything/main.go"]
    for path in [*own, *theirs]:
        (folder / path).write_text("mine", encoding="utf-8")
    render(folder, answers, TEMPLATE)
    assert all((folder / path).read_text(encoding="utf-8") == "mine" for path in own)
    assert all((folder / path).read_text(encoding="utf-8") != "mine" for path in theirs)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        render(tmp_path / "wrong", {"name": "Not-A-Name"}, TEMPLATE)


@pytest.mark.parametrize("name", list(COMBINATIONS))
def test_every_module_is_pinned_and_none_too_many(rendered: Rendered, go: Path, name: str) -> None:
    folder = rendered(name)
    assert run([go, "mod", "tidy", "-diff"], folder) == ""
    modules = re.findall(r"^\t(\S+) (\S+)", (folder / "go.mod").read_text(), re.MULTILINE)
    locked = (folder / "go.sum").read_text()
    assert len(modules) > 20
    assert all(f"{module} {version}" in locked for module, version in modules)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [*COMBINATIONS, "order"])
def test_it_is_formatted_and_vetted(rendered: Rendered, go: Path, staticcheck: Path, name: str) -> None:
    folder = rendered(name)
    assert run([go.resolve().with_name("gofmt"), "-l", "."], folder) == ""
    if name in {"plain", "both", "caller", "storing", "everything"}:
        run([go, "vet", "./..."], folder)
    if name in {"plain", "everything"}:  # between them they have every file
        run([staticcheck, "./..."], folder)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["plain", "everything"])  # what lies between them is vetted
def test_its_own_tests_pass_and_cover_it(
    rendered: Rendered, go: Path, server: str, tmp_path: Path, name: str
) -> None:
    folder = rendered(name)
    profile = tmp_path / "coverage.out"
    cover = ["-coverpkg=./internal/...", f"-coverprofile={profile}"]
    said = run([go, "test", "-count=1", "-vet=off", *cover, "./..."], folder, TEST_DATABASE_URL=server)
    assert "no tests to run" not in said
    total = run([go, "tool", "cover", f"-func={profile}"], folder).splitlines()[-1]
    assert float(total.split()[-1].rstrip("%")) >= COVERAGE, total


def test_without_a_database_its_tests_say_what_they_lack(rendered: Rendered, go: Path) -> None:
    folder = rendered("everything")
    said = run([go, "test", "-v", f"./{GENERATED}/database/"], folder, TEST_DATABASE_URL="")
    assert "--- SKIP: TestConflictIsAProblem" in said
    assert "TEST_DATABASE_URL names no PostgreSQL" in said
    assert "--- PASS: TestAbsentDatabaseIsAProblem" in said
