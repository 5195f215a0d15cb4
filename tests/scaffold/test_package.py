"""nexus generate package: names, blueprint and library."""

from __future__ import annotations

from pathlib import Path

import pytest
from scaffolding import Run, tree

from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.rules import find_all
from nexus_cli.errors import UsageError
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.package import generate_package, parse_spec


def test_the_command_as_it_is_typed(shop: Path, nexus: Run) -> None:
    done = nexus("generate", "package", "@nexus/my-lib", "--type", "library", cwd=shop)
    assert "created  packages/my-lib/src/my_lib/py.typed" in done.stdout
    package = load(shop).packages["my-lib"]
    assert (package.scope, package.type, package.language) == ("nexus", "library", "python")
    assert find_all(shop) == []
    before = tree(shop)
    again = nexus("generate", "package", "my-lib", cwd=shop)
    assert "created" not in again.stdout
    assert tree(shop) == before


@pytest.mark.parametrize(
    "spec", ["nexus/my-lib", "@nexus", "@nexus/", "@/x", "@a/b/c", "@Nexus/x", "My Lib", "../x", "@../x", ""]
)
def test_specs_that_are_not_names_are_refused(shop: Path, spec: str) -> None:
    before = tree(shop)
    with pytest.raises(UsageError):
        generate_package(shop, spec, Choice())
    assert tree(shop) == before


@pytest.mark.parametrize("name", ["json", "class", "asyncio", "match"])
def test_a_module_of_pythons_own_is_not_hidden(shop: Path, name: str) -> None:
    with pytest.raises(UsageError, match="Python's own"):
        generate_package(shop, f"@acme/{name}", Choice())


def test_other_languages_and_types_are_named(shop: Path) -> None:
    with pytest.raises(UsageError, match="typescript packages are not available yet"):
        generate_package(shop, "money", Choice(), language="typescript")
    with pytest.raises(UsageError, match='unknown package type "libary"'):
        generate_package(shop, "money", Choice(), kind="libary")


def test_an_existing_blueprint_is_the_description(shop: Path) -> None:
    text = "nexus: v1\nkind: package\nname: money\ntitle: 'Money: exact'\nscope: acme\nsource: libs/money\n"
    (shop / "blueprints/packages/money.yaml").write_text(text)
    generate_package(shop, "money", Choice())
    assert (shop / "libs/money/README.md").read_text().startswith("# Money: exact\n")
    assert (shop / "blueprints/packages/money.yaml").read_text() == text
    assert parse_spec("@acme/money") == ("acme", "money")
