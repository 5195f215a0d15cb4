"""A package and the services that its blueprint names as users: joined, built, run, and parted again."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from docker import DockerClient
from docker.errors import ContainerError
from scaffolding import Run, tree
from uv import find_uv_bin

from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.model import Platform
from nexus_cli.blueprint.rules import find_all
from nexus_cli.engine import go_project, node_project, python_project
from nexus_cli.engine.docker.client import connect
from nexus_cli.engine.docker.context import archive, image_name
from nexus_cli.engine.docker.images import build_image
from nexus_cli.errors import UsageError
from nexus_cli.scaffold.app import generate_app
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.package import generate_package
from nexus_cli.stack.forms import Code, Layout, Processes
from nexus_cli.unit import GoProject, ImageBuild, NodeProject, PythonProject
from tests.conftest import engine_with

BASE, NODE = "python:3.13-slim", "node:24-slim"
USE = 'import { backoff } from "@shop/exact-money"; console.log(backoff(1));'
NOTHING = '{"name": "order", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}'
PINNED = "iniconfig==2.1.0 --hash=sha256:9deba5723312380e77435581c6bf4935c94cbfab9b1ed33ef8d238ea168eb760\n"


def describe(root: Path, language: str, users: str) -> None:
    """Write the blueprint of the package exact-money."""
    text = f"nexus: v1\nkind: package\nname: exact-money\nlanguage: {language}\nusers: [{users}]\n"
    (root / "blueprints/packages/exact-money.yaml").write_text(text)


def service(root: Path, name: str, kind: str) -> Path:
    """A generated service that uses nothing."""
    generate_app(root, name, Choice(), kind=kind, uses=())
    return root / "services" / name


def joined(root: Path, kind: str, language: str) -> tuple[Path, Path]:
    """A service and the package that was generated after it, which it depends on."""
    folder = service(root, "order", kind)
    describe(root, language, "order")
    generate_package(root, "exact-money", Choice())
    assert find_all(root) == []
    return folder, root / "packages/exact-money"


@pytest.mark.parametrize(
    ("kind", "language"),
    [("fastapi", "python"), ("fastify", "typescript"), ("nextjs", "typescript"), ("go", "go")],
)
def test_who_is_a_user_follows_the_blueprint(shop: Path, kind: str, language: str) -> None:
    service(shop, "order", kind)
    service(shop, "catalog", kind)
    before = tree(shop / "services")
    describe(shop, language, "order")
    outcome = generate_package(shop, "exact-money", Choice())
    updated = {change.path for change in outcome.changes if change.status == "updated"}
    assert {"services/order/Dockerfile", "services/order/.copier-answers.yml"} <= updated
    assert not any(path.startswith("services/catalog/") for path in updated)
    once = tree(shop)
    generate_package(shop, "exact-money", Choice())
    generate_app(shop, "order", Choice())
    assert tree(shop) == once
    describe(shop, language, "")
    generate_package(shop, "exact-money", Choice())
    assert tree(shop / "services") == before


def test_a_service_with_a_template_of_its_own_is_named(shop: Path) -> None:
    folder = service(shop, "order", "fastapi")
    (folder / ".copier-answers.yml").write_text("_src_path: ../ours\n")
    describe(shop, "python", "order")
    outcome = generate_package(shop, "exact-money", Choice())
    assert outcome.notes == (
        "services/order has a template of its own: join it to packages/exact-money by hand",
    )


def test_a_python_service_imports_the_package_as_it_lies_there(shop: Path) -> None:
    folder, package = joined(shop, "fastapi", "python")
    (package / "requirements.lock").write_text(PINNED)
    project = PythonProject(folder, packages=(package,))
    python_project.build(project, print)
    assert python_project.built(project)
    said = python(folder, "import exact_money, iniconfig; print(exact_money.backoff(1))")
    assert said == "0.2\n"
    (package / "src/exact_money/__init__.py").write_text("def backoff(attempt): return 'changed'\n")
    assert python(folder, "import exact_money; print(exact_money.backoff(1))") == "changed\n"
    assert python_project.built(project)
    (package / "requirements.lock").write_text("")
    assert not python_project.built(project)


def python(folder: Path, code: str) -> str:
    """What code prints in a service's environment."""
    return subprocess.run(
        [str(folder / ".venv/bin/python"), "-c", code], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.timeout(600)
def test_the_checks_of_a_python_service_know_the_package(shop: Path) -> None:
    folder, package = joined(shop, "fastapi", "python")
    (folder / "src/order_service/domain/waits.py").write_text(
        '"""How long to wait."""\n\nfrom exact_money import backoff\n\nFIRST: float = backoff(0)\n'
    )
    (folder / "tests/domain/test_waits.py").write_text(
        "from order_service.domain import waits\n\n\n"
        "def test_first() -> None:\n    assert waits.FIRST == 0.1\n"
    )
    uv = os.fsdecode(find_uv_bin())
    locks = ["-r", "requirements-dev.lock", "-r", str(package / "requirements.lock")]
    for command in (
        [uv, "venv", "--quiet", ".venv"],
        [uv, "pip", "install", "--quiet", "--python", ".venv", "--require-hashes", *locks],
        [".venv/bin/mypy"],
        [".venv/bin/ruff", "check"],
        [".venv/bin/ruff", "format", "--check"],
        [".venv/bin/pytest"],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_a_node_service_runs_the_package_as_it_lies_there(shop: Path) -> None:
    folder, package = joined(shop, "fastify", "typescript")
    (folder / "package.json").write_text('{"name": "order", "version": "1.0.0", "type": "module"}')
    (folder / "package-lock.json").write_text(NOTHING)
    project = NodeProject(folder, packages=(package,))
    node_project.build(project, print)
    assert node_project.built(project)
    assert not (package / "node_modules").exists()
    assert node(project, USE) == "200\n"
    (package / "src/index.ts").write_text('export const backoff = (n: number): string => "changed";\n')
    assert node(project, USE) == "changed\n"
    assert node_project.built(project)
    (package / "package.json").write_text('{"name": "@shop/money", "dependencies": {"ms": "2.1.3"}}')
    assert not node_project.built(project)
    node_project.build(project, print)
    assert (package / "node_modules/ms").is_dir()
    assert node_project.built(project)
    (package / "package.json").unlink()
    with pytest.raises(UsageError, match=r"cannot read .*packages/exact-money/package\.json") as fault:
        node_project.build(project, print)
    assert "generate it" in str(fault.value.hint)


def node(project: NodeProject, code: str) -> str:
    """What code prints in a service's folder."""
    program = node_project.programs(project)[-1] / "node"
    return subprocess.run(
        [program, "--input-type=module", "--eval", code],
        cwd=project.folder,
        env={**os.environ, **node_project.variables(project)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(
    ("kind", "language", "source"),
    [
        ("fastapi", "python", "src/exact_money/backoff.py"),
        ("express", "typescript", "src/backoff.ts"),
        ("go", "go", "backoff.go"),
    ],
)
def test_a_change_of_the_package_is_a_change_of_its_user(
    shop: Path, kind: str, language: str, source: str
) -> None:
    _, package = joined(shop, kind, language)
    platform = load(shop)

    def code() -> Code:
        layout = Layout(shop / ".nexus", b"")
        return Processes(platform, Bindings(), layout).code(platform.services["order"])

    before = code()
    assert isinstance(before.runtime, PythonProject | NodeProject | GoProject)
    assert before.runtime.packages == (package,)
    assert code() == before
    (package / source).write_text("")
    assert code().digest != before.digest
    assert code().schema == before.schema


def test_a_compose_file_names_the_package_as_a_context(shop: Path, nexus: Run) -> None:
    joined(shop, "fastapi", "python")
    nexus("generate", "compose", cwd=shop)
    build = yaml.safe_load((shop / "compose.yaml").read_text())["services"]["order"]["build"]
    assert build["additional_contexts"] == {"package-exact-money": "./packages/exact-money"}


@pytest.mark.timeout(600)
def test_a_go_service_is_built_with_the_package(shop: Path) -> None:
    folder, package = joined(shop, "go", "go")
    project = GoProject(folder, packages=(package,))
    go = go_project.compiler(project, print)
    environment = go_project.settings(os.environ)
    for command in (["mod", "tidy", "-diff"], ["vet", "./..."]):
        done = subprocess.run(
            [go, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (folder / "internal/domain/waits.go").write_text(
        'package domain\n\nimport "shop.internal/packages/exactmoney"\n\nvar Waits exactmoney.Backoff\n'
    )
    go_project.build(project, print)
    assert go_project.built(project)
    (package / "backoff_test.go").write_text("package exactmoney_test\n")
    assert go_project.built(project)
    (package / "more.go").write_text("package exactmoney\n")
    assert not go_project.built(project)


@pytest.mark.parametrize(
    ("kind", "language", "wanted"),
    [
        ("fastapi", "python", {"src/exact_money/backoff.py", "requirements.lock"}),
        ("fastify", "typescript", {"src/backoff.ts", "package.json", "package-lock.json"}),
        ("go", "go", {"backoff.go", "go.mod"}),
    ],
)
def test_an_image_is_made_of_the_package_too(shop: Path, kind: str, language: str, wanted: set[str]) -> None:
    folder, package = joined(shop, kind, language)
    build = ImageBuild(folder, packages=(("exact-money", package),))
    with tarfile.open(fileobj=io.BytesIO(archive(build))) as tar:
        names = {name for name in tar.getnames() if name.startswith("packages/")}
    assert {f"packages/exact-money/{name}" for name in wanted} <= names
    assert not any("test" in name or name.endswith(".md") for name in names)
    before = image_name("shop", "order", build)
    next(package.rglob("backoff*")).write_text("")
    assert image_name("shop", "order", build) != before
    dockerfile = (folder / "Dockerfile").read_text()
    assert "FROM scratch AS package-exact-money\nCOPY packages/exact-money /\n" in dockerfile


@pytest.mark.parametrize("name", ["order-service", "six"])
def test_a_package_does_not_hide_what_its_user_imports(shop: Path, name: str) -> None:
    with (service(shop, "order", "fastapi") / "requirements.lock").open("a") as lock:
        lock.write("six==1.17.0\n")  # a library of its own
    text = f"nexus: v1\nkind: package\nname: {name}\nusers: [order]\n"
    (shop / "blueprints/packages/hiding.yaml").write_text(text)
    before = tree(shop)
    with pytest.raises(UsageError, match=f'"{name}" would hide the module {name.replace("-", "_")} of order'):
        generate_package(shop, name, Choice())
    assert tree(shop) == before


def test_a_package_that_was_not_generated_yet_is_named(shop: Path) -> None:
    folder, missing = service(shop, "order", "fastapi"), shop / "packages/exact-money"
    with pytest.raises(UsageError, match=r"cannot read .*packages/exact-money/requirements\.lock") as fault:
        python_project.build(PythonProject(folder, packages=(missing,)), print)
    assert "generate it" in str(fault.value.hint)
    with pytest.raises(UsageError, match=r"there is no .*packages/exact-money") as fault:
        archive(ImageBuild(folder, packages=(("exact-money", missing),)))
    assert fault.value.hint == "make it: nexus generate package exact-money"


@pytest.fixture
def docker() -> DockerClient:
    """A Docker engine with the image that Python services are built on."""
    return connect(engine_with(BASE))


@pytest.mark.timeout(600)
def test_the_image_of_a_python_service_holds_the_package(shop: Path, docker: DockerClient) -> None:
    folder, package = joined(shop, "fastapi", "python")
    (package / "requirements.lock").write_text(PINNED)
    build = ImageBuild(folder, packages=(("exact-money", package),))
    image = f"nexus-test-package:{os.getpid()}"
    try:
        build_image(docker, archive(build), image, progress=print)
        code = "import exact_money, iniconfig; print(exact_money.backoff(1))"
        said = docker.containers.run(image, ["-c", code], entrypoint="python", remove=True, read_only=True)
        assert said == b"0.2\n"
    finally:
        docker.images.remove(image, force=True)


@pytest.mark.timeout(600)
def test_the_image_of_a_node_service_holds_the_package(shop: Path) -> None:
    folder, package = joined(shop, "express", "typescript")
    docker = connect(engine_with(NODE))
    image = f"nexus-test-package-node:{os.getpid()}"
    try:
        build = ImageBuild(folder, packages=(("exact-money", package),))
        build_image(docker, archive(build), image, progress=print)
        command = ["--input-type=module", "--eval", USE]
        assert (
            docker.containers.run(image, command, entrypoint="node", remove=True, read_only=True) == b"200\n"
        )
        wrong = {"PORT": "seventy"}
        with pytest.raises(ContainerError, match="configuration: PORT: must be a whole number"):
            docker.containers.run(image, environment=wrong, remove=True, read_only=True)
    finally:
        docker.images.remove(image, force=True)


def test_components_are_for_those_who_have_react(shop: Path) -> None:
    service(shop, "order", "fastify")
    service(shop, "web", "nextjs")
    described = shop / "blueprints" / "packages" / "ui.yaml"
    said = "{nexus: v1, kind: package, name: ui, type: react, language: typescript, users: [%s]}"
    described.parent.mkdir(exist_ok=True)
    described.write_text(said % "web, order")
    (finding,) = find_all(shop)
    assert (finding.rule, finding.where.column) == ("user-language", 86)
    assert finding.message == "order is a fastify service, which cannot use a react package"
    described.write_text(said % "web")
    assert find_all(shop) == []


def test_a_package_of_another_language_joins_nobody(shop: Path) -> None:
    service(shop, "order", "fastapi")
    describe(shop, "go", "order")
    assert [finding.rule for finding in find_all(shop)] == ["user-language"]
    platform: Platform = load(shop)
    assert platform.packages_of(platform.services["order"]) == []
