"""The FastAPI template: what it writes, and that what it writes is clean, typed, tested and installable."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rendering import CAPABLE, COMBINATIONS, TEMPLATE, TOP, Venv, install, render

OF_THE_SHOP = ("catalog", "order")
NAMES = [*COMBINATIONS, *CAPABLE, *OF_THE_SHOP]
EVERY = {
    ".copier-answers.yml",
    ".dockerignore",
    ".gitignore",
    "Dockerfile",
    "README.md",
    "pyproject.toml",
    "requirements-build.lock",
    "requirements-dev.lock",
    "requirements.lock",
    *(f"src/P/{name}.py" for name in ("__init__", "__main__")),
    "src/P/py.typed",
    *(f"src/P/domain/{name}.py" for name in ("__init__", "routes", "service")),
    *(
        f"src/P/generated/{name}.py"
        for name in (
            *("__init__", "app", "docs", "errors", "extension", "headers", "health", "identity", "logs"),
            *("metrics", "middleware", "problems", "quick", "runtime", "server", "settings", "tracing"),
        )
    ),
    "tests/conftest.py",
    "tests/domain/test_domain.py",
    "tests/generated/test_contract.py",
    "tests/generated/test_start.py",
}
DATABASE = {
    "migrations/env.py",
    "migrations/script.py.mako",
    "migrations/versions/0001_initial.py",
    "src/P/domain/models.py",
    "src/P/generated/database.py",
    "src/P/generated/migrate.py",
    "tests/generated/test_database.py",
}
RESOURCES = {
    *(
        f"src/P/generated/resources/{name}.py"
        for name in ("__init__", "hooks", "lists", "models", "router", "schemas", "versions")
    ),
    "seeds/generated.sql",
    "src/P/generated/seed.py",
    "tests/generated/test_resources.py",
}
REDIS = {"src/P/generated/cache.py", "tests/generated/test_idempotency.py"}
NATS = {"src/P/generated/events.py", "src/P/generated/jetstream.py", "tests/generated/test_events.py"}
HANDLERS = {"src/P/domain/events.py"}
RELAY, TENANTS = "src/P/generated/relay.py", "src/P/generated/resources/tenants.py"
REPORTS = {"src/P/generated/reports.py", "tests/generated/test_reports.py"}
CALLS = {"src/P/generated/clients.py", "tests/generated/test_clients.py"}
EXPECTED = {
    "plain": EVERY,
    "both": EVERY | REDIS | NATS | HANDLERS,
    "caller": EVERY | CALLS,
    "reporter": EVERY | REPORTS,
    "storing": EVERY,
    "everything": EVERY.union(DATABASE, RESOURCES, REDIS, NATS, REPORTS, CALLS, HANDLERS, {RELAY}),
    "a-service-with-a-rather-long-name": EVERY | DATABASE | RESOURCES | {TENANTS},
}


@pytest.mark.parametrize("name", list(EXPECTED))
def test_it_writes_only_what_the_combination_needs(tmp_path: Path, name: str) -> None:
    folder = render(tmp_path / name, {**COMBINATIONS[name], "name": name})
    package = f"{name.replace('-', '_')}_service"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {path.replace(package, "P") for path in found} == EXPECTED[name]


def test_a_second_rendering_leaves_what_people_own(tmp_path: Path) -> None:
    answers = {**COMBINATIONS["everything"], "name": "everything"}
    folder = render(tmp_path / "everything", answers)
    package = "src/everything_service"
    own = [
        f"{package}/domain/service.py",
        "tests/domain/test_domain.py",
        "migrations/versions/0001_initial.py",
    ]
    theirs = [f"{package}/generated/app.py", "pyproject.toml"]
    for path in [*own, *theirs]:
        (folder / path).write_text("mine", encoding="utf-8")
    render(folder, answers)
    assert all((folder / path).read_text(encoding="utf-8") == "mine" for path in own)
    assert all((folder / path).read_text(encoding="utf-8") != "mine" for path in theirs)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        render(tmp_path / "wrong", {"name": "Not-A-Name"})


def test_nothing_in_it_names_a_host_or_is_a_live_gitignore() -> None:
    for path in TEMPLATE.rglob("*"):
        assert path.name != ".gitignore"
        if path.is_file() and ".lock" in path.name:
            assert "://" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(COMBINATIONS))
def test_every_package_is_pinned_by_hash(rendered: Callable[[str], Path], name: str) -> None:
    for kind, least in (("-build", 1), ("", 20), ("-dev", 40)):
        text = (rendered(name) / f"requirements{kind}.lock").read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9._-]+==\S+.* \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)) >= least
        assert "{%" not in text
    development = {line for line in text.splitlines() if "==" in line}
    production = (rendered(name) / "requirements.lock").read_text(encoding="utf-8")
    assert {line for line in production.splitlines() if "==" in line} < development


@pytest.mark.parametrize("name", ["plain", "both", "caller", "reporter"])
def test_its_lock_is_all_that_it_imports(tmp_path: Path, rendered: Callable[[str], Path], name: str) -> None:
    folder = rendered(name)
    installed = install(tmp_path / "venv", "--require-hashes", "-r", str(folder / "requirements.lock"))
    venv = Venv(installed)
    done = venv.run(folder, "python", "-c", f"import {name}_service.generated.server", PYTHONPATH="src")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_it_is_formatted_linted_typed_and_tested(
    tmp_path_factory: pytest.TempPathFactory, venv: Venv, rendered: Callable[[str], Path], name: str
) -> None:
    folder = rendered(name)
    cache = tmp_path_factory.getbasetemp() / "mypy"
    checks = [
        ("ruff", "format", "--check", "--no-cache", "."),
        ("ruff", "check", "--no-cache", "."),
        ("mypy", "--cache-dir", str(cache)),
    ]
    if name not in OF_THE_SHOP:  # whose own tests run with all others of the demo
        checks.append(("pytest", "-q", "-p", "no:cacheprovider"))
    for command in checks:
        done = venv.run(folder, *command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_migrating_loads_no_web_framework(venv: Venv, rendered: Callable[[str], Path]) -> None:
    code = (
        "import sys; from order_service.__main__ import main; main(['migrate']);"
        "heavy = {'fastapi', 'faststream', 'nats', 'redis', 'structlog', 'uvicorn'};"
        "sys.exit(not sys.modules.keys().isdisjoint(heavy))"
    )
    url = "sqlite+aiosqlite:///:memory:"
    done = venv.run(rendered("order"), "python", "-c", code, PYTHONPATH="src", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr


def test_starting_loads_nothing_that_nobody_uses(venv: Venv, rendered: Callable[[str], Path]) -> None:
    code = (
        "import sys; from order_service.generated import quick; quick.prepare();"
        "import order_service.generated.server;"
        "idle = {'opentelemetry.sdk.metrics', 'pydantic.v1'} & sys.modules.keys();"
        "import pydantic.v1, opentelemetry.sdk.metrics;"  # a person may want them
        "sys.exit(', '.join(idle) or 0)"
    )
    done = venv.run(rendered("order"), "python", "-c", code, PYTHONPATH="src")
    assert done.returncode == 0, done.stderr


def test_the_locks_come_from_the_project_file() -> None:
    """Every package that the project file wants is in the lock template, at a version that it allows."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    source = TEMPLATE / "template"
    wanted = re.findall(r'^  "([a-z][^"]+)",', (source / "pyproject.toml.jinja").read_text(), re.MULTILINE)
    locked = dict(
        re.findall(
            r"^([a-z0-9._-]+)==(\S+)", (source / "requirements-dev.lock.jinja").read_text(), re.MULTILINE
        )
    )
    requirements = [Requirement(text) for text in wanted if re.search(r"[<>]", text)]
    assert len(requirements) > 20
    for requirement in requirements:
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier
    assert (TOP / "tools" / "lock_templates.py").exists()
