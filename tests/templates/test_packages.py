"""The package templates: what they write installs as locked, is clean, typed, tested and of use to others."""

from __future__ import annotations

import json
import os
import re
import runpy
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import jvm
import pytest
from rendering import TOP, Venv
from servers import Process, create, database, ferretdb, postgres, wait_for

from nexus_cli.conformance.service import listens
from nexus_cli.engine import go_project, tools
from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import read
from nexus_cli.scaffold.tidy import tidied
from nexus_cli.unit import GoProject

HOSTILE = 'It\'s "quoted" {{ 7 * 7 }} # : & * ! | > % @ ` ü 漢字 🚀 \\n $HOME ${x}'
SCOPED = {"name": "my-lib", "scope": "nexus", "platform": "shop"}
STRANGE = {"name": "money", "title": HOSTILE, "description": HOSTILE, "platform": "shop"}
STATICCHECK = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
BOTH = {**STRANGE, "scope": "nexus"}
"""For what takes long: a name with a scope does not hide what strange texts break, nor they what it does."""
UV = str(Path(sysconfig.get_path("scripts"), "uv"))
each_answer = pytest.mark.parametrize("data", [SCOPED, STRANGE], ids=["scoped", "hostile"])
GO = go_project.settings({})
"""How nexus runs Go: what it has compiled before is not compiled again."""
Run = Callable[..., str]


def rendered(folder: Path, name: str, data: Mapping[str, str]) -> Path:
    """A package from a template, as nexus writes it."""
    template = read(bundled("templates") / "package" / name, f"package/{name}")
    for path, file in tidied(builtin.render(template, data, folder=data["name"])).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    return folder


def run(folder: Path, *command: str | Path, **environment: str) -> str:
    """Run a command that must succeed; what it printed."""
    variables = {**os.environ, **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@each_answer
def test_a_python_library(tmp_path: Path, data: dict[str, str]) -> None:
    rendered(tmp_path, "library/python", data)
    run(tmp_path, UV, "venv", "--quiet", ".venv")
    run(tmp_path, UV, "pip", "install", "--quiet", "--python", ".venv", "--editable", ".", "--group", "dev")
    run(tmp_path, ".venv/bin/ruff", "check", ".")
    run(tmp_path, ".venv/bin/ruff", "format", "--check", ".")
    run(tmp_path, ".venv/bin/mypy")
    assert "Required test coverage of 80" in run(tmp_path, ".venv/bin/pytest")


NO_LOOP = ("-p", "no:asyncio")  # a plug-in of others
SHARED: Mapping[str, tuple[str, ...]] = {
    "event-bus": (),
    "event-store": (),
    "saga-orchestrator": (),
    "domain-models": NO_LOOP,
    "sdk-generator": NO_LOOP,
    "observability": (),
    "security": (),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages that services share, each as locked, in one environment with what their tests need."""
    root = tmp_path_factory.mktemp("shared")
    run(root, UV, "venv", "--quiet", "venv")
    install = (UV, "pip", "install", "--quiet", "--python", "venv")
    for name in SHARED:
        folder = rendered(root / name, f"{name}/python", {"name": name, "platform": "shop"})
        run(root, *install, "--require-hashes", "-r", str(folder / "requirements.lock"))
    for name in SHARED:
        run(root, *install, "--group", f"{name}/pyproject.toml:dev")
        run(root, *install, "--no-deps", "--editable", name)
    return root


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory, tools: Venv) -> Iterator[Process]:
    """A server with the databases of packages, which are empty, and of FerretDB."""
    server = postgres(tools.site, tmp_path_factory.mktemp("postgres") / "server")
    server.listen()
    try:
        for name in ("packages", "ferretdb"):
            create(tools, server, name)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def mongodb(tmp_path_factory: pytest.TempPathFactory, postgresql: Process) -> Iterator[str]:
    """A server without databases."""
    server = ferretdb(tmp_path_factory.mktemp("ferretdb"), database(postgresql, "ferretdb"))
    server.listen()
    try:
        yield f"mongodb://127.0.0.1:{server.port}/"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Kafka and a registry of schemas, both empty, by variable; none where there is no Java, unless in CI."""
    reason = jvm.lacking()
    if reason and not os.environ.get("NEXUS_REQUIRE_DOCKER"):
        yield {}
        return
    assert not reason
    root = tmp_path_factory.mktemp("java")
    kafka, registry = jvm.kafka(root / "kafka"), jvm.registry(root / "registry")
    try:
        registry.start()
        kafka.listen(60)
        wait_for("the registry listening", lambda: listens(registry.port), 60)
        yield {
            "TEST_KAFKA_SERVERS": f"127.0.0.1:{kafka.port}",
            "TEST_SCHEMA_REGISTRY_URL": f"http://127.0.0.1:{registry.port}/apis/ccompat/v7",
        }
    finally:
        registry.stop(signal.SIGTERM, 60)
        kafka.stop(signal.SIGTERM, 60)


def test_a_service_without_a_package_has_the_same_modules_of_its_own() -> None:
    for path, text in runpy.run_path(str(TOP / "tools/share_package_modules.py"))["written"]():
        assert path.read_text() == text, "run `python tools/share_package_modules.py`"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SHARED)
def test_a_shared_package(
    shared: Path, postgresql: Process, name: str, request: pytest.FixtureRequest
) -> None:
    programs = shared / "venv" / "bin"
    for check in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        run(shared / name, programs / check[0], *check[1:], MYPY_CACHE_DIR=str(shared / "mypy"))
    alone = ("--basetemp", str(shared / f"{name}-tests"))
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])  # where nexus itself is
    environment = {"TEST_DATABASE_URL": database(postgresql, "packages"), "PATH": path}
    excused = {"what this process keeps ends with it", "one process writes to SQLite at a time"}
    if name == "event-store":
        environment["TEST_MONGODB_URL"] = request.getfixturevalue("mongodb")
    if name == "event-bus":
        named = request.getfixturevalue("java")
        environment |= named
        lacking = {"TEST_KAFKA_SERVERS", "TEST_SCHEMA_REGISTRY_URL"} - named.keys()
        excused |= {f"{variable} names no server" for variable in lacking}
    said = run(shared / name, programs / "pytest", *alone, *SHARED[name], **environment)
    assert "Required test coverage of 80" in said
    skipped = set(re.findall(r"^SKIPPED.*: (.*)$", said, re.MULTILINE))
    assert skipped <= excused


def test_who_has_no_mongodb_does_not_load_its_driver(shared: Path) -> None:
    code = "import sys, event_store; sys.exit(bool({'pymongo', 'bson'} & sys.modules.keys()))"
    run(shared, shared / "venv/bin/python", "-c", code)


def test_a_service_installs_a_shared_package_beside_its_own_lock(
    shared: Path, request: pytest.FixtureRequest
) -> None:
    lock = shared / "event-bus" / "requirements.lock"
    ours = dict(re.findall(r"^([\w.-]+)==(\S+)", lock.read_text(), re.MULTILINE))
    service = (request.getfixturevalue("rendered")("everything") / "requirements.lock").read_text()
    theirs = dict(re.findall(r"^([\w.-]+)==(\S+)", service, re.MULTILINE))
    both = ours.keys() & theirs.keys()
    assert len(both) > 3
    assert {name: ours[name] for name in both} == {name: theirs[name] for name in both}


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiler with which nexus builds Go services."""
    return go_project.compiler(
        GoProject(rendered(tmp_path_factory.mktemp("go"), "library/go", SCOPED)), print
    )


@pytest.fixture(scope="module")
def staticcheck(tmp_path_factory: pytest.TempPathFactory, go: Path) -> Path:
    folder = tmp_path_factory.mktemp("staticcheck")
    run(folder, go, "install", STATICCHECK, **GO | {"GOBIN": str(folder), "GOFLAGS": "-trimpath"})
    return folder / "staticcheck"


@pytest.mark.timeout(600)
@each_answer
def test_a_go_library(tmp_path: Path, go: Path, staticcheck: Path, data: dict[str, str]) -> None:
    folder = rendered(tmp_path / "library", "library/go", data)
    assert run(folder, go.resolve().with_name("gofmt"), "-l", ".") == ""
    run(folder, go, "vet", "./...", **GO)
    run(folder, staticcheck, "./...", **GO)
    assert run(folder, go, "mod", "tidy", "-diff", **GO) == ""
    said = run(folder, go, "test", "-v", "-cover", "./...", **GO)
    assert "--- PASS: ExampleBackoff_Delay" in said
    covered = re.search(r"coverage: ([\d.]+)%", said)
    assert covered
    assert float(covered[1]) >= 80


Npm = Callable[..., str]


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Npm:
    """npm on nexus's own Node, with a cache of its own user and nobody's settings."""
    node = tools.TOOLCHAINS["node"]
    tools.install(node, print)
    path = os.pathsep.join([str(tools.programs(node)), os.environ["PATH"]])
    nothing = tmp_path_factory.mktemp("npm") / "npmrc"
    nothing.write_text("fund=false\naudit=false\nupdate-notifier=false\n")

    def call(folder: Path, *arguments: str) -> str:
        settings = {"PATH": path, "NPM_CONFIG_USERCONFIG": str(nothing), "NO_COLOR": "1"}
        return run(folder, tools.programs(node) / arguments[0], *arguments[1:], **settings)

    return call


def installed(folder: Path, npm: Npm, template: str, data: Mapping[str, str]) -> Path:
    """A rendered package with what its lock says."""
    rendered(folder, template, data)
    lock = (folder / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    npm(folder, "npm", "ci", "--ignore-scripts")
    assert (folder / "package-lock.json").read_text() == lock
    return folder


@pytest.mark.timeout(600)
def test_a_typescript_library(tmp_path: Path, npm: Npm) -> None:
    folder = installed(tmp_path / "library", npm, "library/typescript", BOTH)
    assert "100 |" in npm(folder, "npm", "run", "check")
    name = json.loads((folder / "package.json").read_text())["name"]
    user = consumer(tmp_path / "user", npm, folder)
    (user / "use.mts").write_text(f'import {{ backoff }} from "{name}";\nconsole.log(backoff(3));\n')
    assert npm(user, "node", "use.mts") == "800\n"
    options = ("--noEmit", "--strict", "--module", "nodenext", "--lib", "es2023,dom", "--ignoreConfig")
    npm(user, "node", str(folder / "node_modules/typescript/bin/tsc"), *options, "use.mts")


@pytest.mark.timeout(600)
def test_a_react_library(tmp_path: Path, npm: Npm) -> None:
    folder = installed(tmp_path / "library", npm, "react/typescript", BOTH)
    assert "100 |" in npm(folder, "npm", "run", "check")
    name = json.loads((folder / "package.json").read_text())["name"]
    user = consumer(tmp_path / "user", npm, folder)
    (user / "use.mjs").write_text(
        'import { createElement } from "react";\n'
        'import { renderToStaticMarkup } from "react-dom/server";\n'
        f'import {{ Button }} from "{name}";\n'
        f'import.meta.resolve("{name}/styles.css");\n'
        'console.log(renderToStaticMarkup(createElement(Button, { busy: true }, "Save")));\n'
    )
    markup = npm(user, "node", "use.mjs")
    assert re.match(r'<button type="button" class="\S+ \S+" aria-disabled="true" aria-busy="true">', markup)
    styles = (user / "node_modules" / name / "dist/styles.css").read_text()
    assert all(f".{word}" in styles for word in re.findall(r'class="([^" ]+)', markup))


def consumer(folder: Path, npm: Npm, package: Path) -> Path:
    """Somebody else's project that has installed the package as it would be published."""
    folder.mkdir()
    npm(package, "npm", "pack", "--pack-destination", str(folder))
    (folder / "package.json").write_text('{"type": "module"}')
    npm(folder, "npm", "install", "--ignore-scripts", str(next(folder.glob("*.tgz"))))
    return folder
