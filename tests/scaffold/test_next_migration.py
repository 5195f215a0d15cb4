"""The next migration: when it is written, what it follows, and when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from nexus_generators.writer import MANIFEST
from scaffolding import Run, tree

from nexus_cli.blueprint.load import BlueprintFault
from nexus_cli.errors import UsageError
from nexus_cli.scaffold.app import generate_app
from nexus_cli.scaffold.migrations import MODEL
from nexus_cli.scaffold.outcome import Choice, Outcome

DEFAULT = Choice()
FIELDS = "name: string, description: text optional"
LOSSY = Choice(allow_data_loss=True)
DESCRIBED = "blueprints/services/order.yaml"
FOLDERS = {"fastapi": "versions/", "fastify": "", "go": ""}
INITIAL = {
    "fastapi": "versions/0001_initial.py",
    "fastify": "0001_initial.sql",
    "go": "00001_initial.sql",
}


def edit(shop: Path, fields: str) -> None:
    """Say other fields of the example resource."""
    path = shop / "blueprints/services/order.yaml"
    head = path.read_text().partition("    fields:")[0]
    path.write_text(f"{head}    fields: {{{fields}}}\n")


def made(outcome: Outcome) -> list[str]:
    created = [change.path for change in outcome.changes if change.status == "created"]
    return [path.partition("/migrations/")[2] for path in created if "/migrations/" in path]


@pytest.fixture(params=list(INITIAL))
def kind(request: pytest.FixtureRequest, shop: Path) -> str:
    name: str = request.param
    generate_app(shop, "order", DEFAULT, kind=name)
    return name


def test_a_change_writes_the_next_one_once(shop: Path, kind: str) -> None:
    migrations = shop / "services/order/migrations"
    first = (migrations / INITIAL[kind]).read_text()
    edit(shop, f"{FIELDS}, price: money = 1.50")
    (second,) = made(generate_app(shop, "order", DEFAULT))
    assert second.removeprefix(FOLDERS[kind]).lstrip("0").startswith("2_add_items_price.")
    text = (migrations / second).read_text()
    assert made(generate_app(shop, "order", DEFAULT)) == []
    edit(shop, FIELDS + ", price: money = 2")
    assert made(generate_app(shop, "order", DEFAULT)) == []
    assert (migrations / second).read_text() == text
    assert (migrations / INITIAL[kind]).read_text() == first
    assert second not in (shop / "services/order" / MANIFEST).read_text()


def test_it_is_the_same_wherever_it_is_written(shop: Path, kind: str) -> None:
    edit(shop, f"{FIELDS}, price: money = 1.50, status: 'enum(a, b) = b'")
    before = tree(shop)
    planned = generate_app(shop, "order", Choice(dry_run=True))
    assert tree(shop) == before
    generate_app(shop, "order", DEFAULT)
    written = {change.path: change.file.content for change in planned.changes if change.file}
    (path,) = [path for path in written if "change_items" in path]
    assert (shop / path).read_bytes() == written[path]
    assert kind


def test_a_persons_own_migrations_stay_and_are_followed(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT)
    versions = shop / "services/order/migrations/versions"
    mine = versions / "9f3a_mine.py"
    mine.write_text('revision = "9f3a"\ndown_revision = "0001"\n')
    edit(shop, f"{FIELDS}, price: money = 1")
    assert made(generate_app(shop, "order", DEFAULT)) == ["versions/0002_add_items_price.py"]
    assert 'down_revision: str | None = "9f3a"' in (versions / "0002_add_items_price.py").read_text()
    assert mine.read_text() == 'revision = "9f3a"\ndown_revision = "0001"\n'
    (versions / "branch.py").write_text('revision = "b"\ndown_revision = "0001"\n')
    edit(shop, f"{FIELDS}, price: money = 1, weight: int = 1")
    with pytest.raises(UsageError, match="has no single last migration: 0002, b"):
        generate_app(shop, "order", DEFAULT)
    (versions / "merge.py").write_text('revision = "m"\ndown_revision = ("0002", "b")\n')
    assert made(generate_app(shop, "order", DEFAULT)) == ["versions/0003_add_items_weight.py"]
    (versions / "odd.py").write_text("revision = make()\n")
    edit(shop, FIELDS)
    with pytest.raises(UsageError, match=r"odd\.py does not say which migration it is"):
        generate_app(shop, "order", Choice(allow_data_loss=True))


def test_goose_numbers_go_on_from_the_highest(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT, kind="go")
    migrations = shop / "services/order/migrations"
    (migrations / "00007_mine.sql").write_text("-- +goose Up\nSELECT 1;\n")
    edit(shop, f"{FIELDS}, price: money = 1")
    assert made(generate_app(shop, "order", DEFAULT)) == ["00008_add_items_price.sql"]
    (migrations / "00008_theirs.sql").write_text("-- +goose Up\nSELECT 1;\n")
    edit(shop, f"{FIELDS}, price: money optional")
    with pytest.raises(UsageError, match="has two migrations of number 8"):
        generate_app(shop, "order", DEFAULT)


def test_what_loses_data_is_refused_with_its_place(shop: Path, kind: str) -> None:
    edit(shop, "title: string, description: string optional")
    before = tree(shop)
    with pytest.raises(BlueprintFault) as fault:
        generate_app(shop, "order", DEFAULT)
    assert tree(shop) == before
    assert [(str(f.where), f.message) for f in fault.value.findings] == [
        ("blueprints/services/order.yaml:11:13", 'the column "name" is dropped'),
        (
            "blueprints/services/order.yaml:11:21",
            '"title" is new and required, and existing rows have no value for it',
        ),
        ("blueprints/services/order.yaml:11:42", '"description" is narrowed from text to string'),
    ]
    hints = [finding.hint or "" for finding in fault.value.findings]
    assert 'a rename to "title" is seen as dropping one and adding the other' in hints[0]
    assert all(hint.endswith("; or --allow-data-loss") for hint in hints)
    outcome = generate_app(shop, "order", Choice(allow_data_loss=True))
    assert len(made(outcome)) == 1
    assert outcome.notes[0] == 'blueprints/services/order.yaml:11:13: the column "name" is dropped'
    assert kind


def test_one_written_by_hand_records_the_model(shop: Path, kind: str) -> None:
    edit(shop, "title: string, description: text optional")
    outcome = generate_app(shop, "order", Choice(by_hand=True, migration="Rename name to title!"))
    (path,) = made(outcome)
    assert "_rename_name_to_title." in path
    text = (shop / "services/order/migrations" / path).read_text()
    assert "ours to write" in text
    assert "items" not in text
    assert made(generate_app(shop, "order", DEFAULT)) == []
    assert kind


def test_a_service_of_before_is_compared_with_what_was_generated_last(shop: Path, kind: str) -> None:
    (shop / "services/order" / MODEL).unlink()
    edit(shop, f"{FIELDS}, price: money = 1")
    paths = made(generate_app(shop, "order", DEFAULT))
    assert "model.json" in paths
    assert any("change_items" in path for path in paths)  # by its version, too
    assert kind


def test_the_order_of_resources_is_no_change(shop: Path, kind: str) -> None:
    head, _, _ = (shop / DESCRIBED).read_text().partition("resources:")
    both = ["  line:\n    fields: {part: ref(part)}\n", "  part:\n    fields: {name: string}\n"]
    (shop / DESCRIBED).write_text(f"{head}resources:\n{''.join(both)}")
    generate_app(shop, "order", LOSSY)
    (shop / DESCRIBED).write_text(f"{head}resources:\n{''.join(reversed(both))}")
    assert made(generate_app(shop, "order", DEFAULT)) == []
    assert kind


def test_migrations_that_were_put_together_do_not_come_back(shop: Path, kind: str) -> None:
    migrations = shop / "services/order/migrations"
    initial = migrations / INITIAL[kind]
    squashed = initial.with_name(initial.name.replace("initial", "everything"))
    initial.rename(squashed)
    assert made(generate_app(shop, "order", DEFAULT)) == []
    squashed.unlink()
    edit(shop, f"{FIELDS}, price: money")
    assert made(generate_app(shop, "order", DEFAULT)) == [INITIAL[kind]]
    assert "price" in initial.read_text()


def test_a_record_that_was_merged_badly_stops_it(shop: Path, kind: str) -> None:
    (shop / "services/order" / MODEL).write_text("<<<<<<< ours\n")
    with pytest.raises(UsageError, match=r"services/order/migrations/model\.json cannot be read"):
        generate_app(shop, "order", DEFAULT)
    assert kind


def test_an_event_bus_brings_its_table(shop: Path, kind: str) -> None:
    path = shop / "blueprints/services/order.yaml"
    path.write_text(path.read_text().replace("uses: [postgres]", "uses: [postgres, nats]"))
    (migration,) = [p for p in made(generate_app(shop, "order", DEFAULT)) if "consumed" in p]
    assert "consumed_events" in (shop / "services/order/migrations" / migration).read_text()
    path.write_text(path.read_text().replace("uses: [postgres, nats]", "uses: [postgres]"))
    with pytest.raises(BlueprintFault, match="yaml:6:7: the table of handled events is dropped"):
        generate_app(shop, "order", DEFAULT)
    assert kind


def test_without_a_database_the_record_is_left_alone(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT)
    path = shop / "blueprints/services/order.yaml"
    described = path.read_text()
    path.write_text(described.partition("resources:")[0].replace("uses: [postgres]\n", ""))
    generate_app(shop, "order", DEFAULT)
    path.write_text(described.replace(FIELDS, f"{FIELDS}, price: money = 1"))
    assert "versions/0002_add_items_price.py" in made(generate_app(shop, "order", DEFAULT))


def test_the_command_as_it_is_typed(shop: Path, nexus: Run) -> None:
    nexus("generate", "app", "order", cwd=shop)
    nothing = nexus("generate", "migration", "order", cwd=shop)
    assert "there is nothing to add" in nothing.stderr
    edit(shop, "name: text")
    refused = nexus("generate", "migration", "order", cwd=shop, code=2)
    assert 'order.yaml:11:13: error: the column "description" is dropped [data-loss]' in refused.stderr
    options = ("--allow-data-loss", "--name", "No more descriptions")
    done = nexus("generate", "migration", "order", *options, cwd=shop)
    assert "created  services/order/migrations/versions/0002_no_more_descriptions.py" in done.stdout
    unknown = nexus("generate", "migration", "ordr", cwd=shop, code=2)
    assert 'did you mean "order"?' in unknown.stderr
