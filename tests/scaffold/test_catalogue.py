"""The catalogue that comes with nexus: every entry is sound, and its platforms become workspaces."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from scaffolding import ignore, tree

from nexus_cli.blueprint import bind
from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.lint import lint
from nexus_cli.blueprint.load import catalogue_names, catalogue_platforms, load
from nexus_cli.blueprint.model import Platform
from nexus_cli.errors import UsageError
from nexus_cli.process import run
from nexus_cli.scaffold.app import check_names, generate_app, generate_apps
from nexus_cli.scaffold.outcome import Choice, listing
from nexus_cli.scaffold.tidy import ruff
from nexus_cli.scaffold.workspace import create
from nexus_cli.stack.forms import without_containers

PORTS = {"backend": 3001, "payment": 3008, "reporting": 3013, "auth-service": 8001, "status-page": 8023}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """One platform of all services and components."""
    root = tmp_path_factory.mktemp("everything")
    entries = "".join(f'  - "catalogue:{name}"\n' for name in catalogue_names())
    (root / "nexus.yaml").write_text(f"nexus: v1\nkind: platform\nname: everything\ninclude:\n{entries}")
    return load(root)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of the full platform, with its services generated."""
    root = tmp_path_factory.mktemp("full") / "nexus"
    create("nexus", root, Choice(), ignore, platform="full")
    return root


def test_the_whole_catalogue_has_no_finding(everything: Platform) -> None:
    assert lint(everything) == []


def test_there_are_36_services_each_with_an_owner_a_promise_and_something_of_its_own(
    everything: Platform,
) -> None:
    services = everything.services
    assert len(services) + len({"gateway"} & everything.components.keys()) == 36
    assert {name: services[name].port for name in PORTS} == PORTS
    for name, service in services.items():
        assert service.owner, name
        assert service.description, name
        assert service.limits.memory, name
        if name != "frontend":  # promises are measured on routes, and it has none
            assert service.resources, name
            assert service.slo.p95, name
            assert service.slo.availability, name


def test_every_resource_is_reached_through_the_gateway(everything: Platform) -> None:
    from nexus_cli.scaffold.service import plural

    for name, service in everything.services.items():
        reached = {route.rewrite or route.path for route in service.routes}
        plurals = {f"/api/v1/{r.plural or plural(key)}" for key, r in service.resources.items()}
        assert plurals <= reached, name


def test_every_component_has_a_pinned_image_health_and_a_way_to_run(everything: Platform) -> None:
    for name, component in everything.components.items():
        assert component.image is not None, name
        assert re.search(r":v?\d", component.image), name
        assert component.health, name
    embedded, left = without_containers(everything)
    assert set(embedded.components) == {"bugsink", "gateway", "nats", "postgres", "redis", "s3", "temporal"}
    assert len(left) == len(everything.components) - len(embedded.components)


@pytest.mark.parametrize("platform", catalogue_platforms())
def test_a_platform_brings_only_notes(platform: str, tmp_path: Path, full: Path) -> None:
    root = full
    if platform != "full":
        root = tmp_path / "w"
        create("w", root, Choice(), ignore, platform=platform)
    assert [f for f in lint(load(root)) if f.severity != "note"] == []


def test_the_full_platform_is_generated_whole(full: Path) -> None:
    platform = load(full)
    assert len(platform.services) == 35
    for service in platform.services.values():
        folder = full / service.source
        assert (folder / ".copier-answers.yml").is_file(), service.name
        assert (folder / "migrations").is_dir() == bool(service.resources), service.name
        for path in folder.rglob("*.py"):
            ast.parse(path.read_bytes(), path)


def test_its_python_is_formatted_and_clean(full: Path) -> None:
    for command in (["format", "--check"], ["check"]):
        done = run([ruff(), *command, "--no-cache", "--quiet", "services"], cwd=full)
        assert done.code == 0, done.out[-5000:]


def test_the_full_platform_has_its_seven_packages(full: Path) -> None:
    platform = load(full)
    types = ("event-bus", "event-store", "saga-orchestrator", "domain-models", "sdk-generator")
    assert {p.type for p in platform.packages.values()} == {*types, "observability", "security"}
    for package in platform.packages.values():
        module = full / package.source / "src" / package.name.replace("-", "_")
        assert (module / "__init__.py").is_file(), package.name
        assert (full / package.source / "README.md").is_file(), package.name
    for name, service in platform.services.items():
        if service.type == "fastapi":
            generated = full / service.source / "src" / f"{name.replace('-', '_')}_service" / "generated"
            for shared in ("observability.logs", "event_bus.jetstream", "event_bus.relay"):
                own = (generated / f"{shared.partition('.')[2]}.py").read_text()
                assert f"from {shared} import" in own, (name, shared)
                assert "class " not in own, (name, shared)
    users = {name for package in platform.packages.values() for name in package.users}
    assert users == {s.name for s in platform.services.values() if s.type == "fastapi"}


def test_a_package_comes_with_the_service_that_needs_it(tmp_path: Path) -> None:
    root = tmp_path / "w"
    create("w", root, Choice(), ignore)
    described = "nexus: v1\nkind: package\nname: telemetry\ntype: observability\nusers: [order]\n"
    (root / "blueprints/packages/telemetry.yaml").write_text(described)
    generate_app(root, "order", Choice(), uses=())
    assert (root / "packages/telemetry/src/telemetry/logs.py").is_file()
    logs = (root / "services/order/src/order_service/generated/logs.py").read_text()
    assert "from telemetry.logs import" in logs


def test_it_binds_with_and_without_docker(full: Path) -> None:
    platform = load(full)
    for seen in (platform, without_containers(platform)[0]):
        for service in seen.services.values():
            variables = bind.service_environment(seen, service, Bindings())
            assert variables.get("DATABASE_URL", "").endswith(f"/{service.name}") == bool(service.resources)
            assert ("SMTP_URL" in variables) == (
                "mail" in seen.components and "mail" in {use.service for use in service.uses}
            )


def test_all_are_generated_again_without_a_change(full: Path) -> None:
    before = tree(full)
    outcome = generate_apps(full, (), Choice())
    assert {change.status for change in outcome.changes} == {"same"}
    assert tree(full) == before


def test_several_are_generated_together_and_an_unknown_one_none(full: Path) -> None:
    outcome = generate_apps(full, ["order", "payment"], Choice(dry_run=True))
    assert {change.path.split("/")[1] for change in outcome.changes} == {"order", "payment"}
    with pytest.raises(UsageError, match='no blueprint describes a service "paymnt"') as fault:
        generate_apps(full, ["order", "paymnt"], Choice())
    assert fault.value.hint == 'did you mean "payment"?'


def test_many_files_are_told_by_project(full: Path, tmp_path: Path) -> None:
    del full
    outcome = create("w", tmp_path / "w", Choice(dry_run=True), ignore, platform="starter")
    lines = listing(outcome, tree=False).splitlines()
    assert any(re.fullmatch(r"created  services/backend/ \(\d+ files\)", line) for line in lines)
    assert "created  nexus.yaml" in lines
    assert not (tmp_path / "w").exists()


def test_wrong_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='the catalogue has no platform "ful"') as fault:
        create("w", tmp_path / "w", Choice(), ignore, platform="ful")
    assert fault.value.hint == 'did you mean "full"?'
    for names, everything, own in ([], False, []), (["a"], True, []), (["a", "b"], False, ["fastapi"]):
        with pytest.raises(UsageError):
            check_names(names, everything, own)
