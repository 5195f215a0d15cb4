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


@pytest.mark.parametrize(
    ("language", "spec", "message"),
    [
        *(("python", f"@acme/{name}", "Python's own") for name in ("json", "class", "asyncio", "match")),
        *(
            ("python", name, "a library that services are made of")
            for name in ("pydantic", "prometheus-client")
        ),
        *(("go", name, "Go's own") for name in ("func", "string", "m-a-p", "fmt", "internal")),
        *(("typescript", name, "Node's own") for name in ("fs", "@acme/worker-threads")),
        ("typescript", "@types/money", "a scope of others"),
    ],
)
def test_a_name_with_a_meaning_is_refused(shop: Path, language: str, spec: str, message: str) -> None:
    before = tree(shop)
    with pytest.raises(UsageError, match=message):
        generate_package(shop, spec, Choice(), language=language)
    assert tree(shop) == before


def test_a_service_and_a_package_have_two_names(shop: Path, nexus: Run) -> None:
    nexus("generate", "app", "order", "--uses", "none", cwd=shop)
    nexus("generate", "package", "money", cwd=shop)
    before = tree(shop)
    for command, name, message in (
        ("package", "order", '"order" is the name of a service'),
        ("app", "money", '"money" is the name of a package'),
    ):
        refused = nexus("generate", command, name, cwd=shop, code=2)
        assert message in refused.stderr
    assert tree(shop) == before
    blueprint = shop / "blueprints" / "packages" / "order.yaml"
    blueprint.write_text("{nexus: v1, kind: package, name: order, type: library}\n")
    assert [finding.rule for finding in find_all(shop)] == ["reserved-name"]


@pytest.mark.parametrize(
    ("kind", "language", "file", "says"),
    [
        (None, "typescript", "package.json", '"name": "@shop/money"'),
        (None, "go", "go.mod", "module shop.internal/packages/money"),
        ("react", None, "package.json", '"react": "^19'),
    ],
)
def test_each_type_in_each_language(
    shop: Path, nexus: Run, kind: str | None, language: str | None, file: str, says: str
) -> None:
    options = [*(["--type", kind] if kind else []), *(["--lang", language] if language else [])]
    nexus("generate", "package", "money", *options, cwd=shop)
    assert says in (shop / "packages/money" / file).read_text()
    assert load(shop).packages["money"].language == (language or "typescript")
    assert find_all(shop) == []
    before = tree(shop)
    nexus("generate", "package", "money", cwd=shop)
    assert tree(shop) == before


def test_other_languages_and_types_are_named(shop: Path) -> None:
    with pytest.raises(UsageError, match='unknown language "rust"'):
        generate_package(shop, "money", Choice(), language="rust")
    with pytest.raises(UsageError, match="there is no react package in go"):
        generate_package(shop, "ui", Choice(), kind="react", language="go")
    with pytest.raises(UsageError, match='unknown package type "libary"') as fault:
        generate_package(shop, "money", Choice(), kind="libary")
    assert 'did you mean "library"' in str(fault.value.hint)


def test_options_that_contradict_the_blueprint_are_refused(shop: Path) -> None:
    generate_package(shop, "money", Choice())
    with pytest.raises(UsageError, match=r'money\.yaml:5:11: the language of money is "python"'):
        generate_package(shop, "money", Choice(), language="go")


def test_an_existing_blueprint_is_the_description(shop: Path) -> None:
    text = "nexus: v1\nkind: package\nname: money\ntitle: 'Money: exact'\nscope: acme\nsource: libs/money\n"
    (shop / "blueprints/packages/money.yaml").write_text(text)
    generate_package(shop, "money", Choice())
    assert (shop / "libs/money/README.md").read_text().startswith("# Money: exact\n")
    assert (shop / "blueprints/packages/money.yaml").read_text() == text
    assert parse_spec("@acme/money") == ("acme", "money")
