"""nexus generate resource, route, event, component: blueprint and code change together, or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from scaffolding import Run, tree

from nexus_cli.blueprint.load import BlueprintFault, load
from nexus_cli.blueprint.rules import find_all
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.scaffold.app import generate_app
from nexus_cli.scaffold.change import Details, add_event, add_resource, add_route, parse_fields
from nexus_cli.scaffold.component import add_component, parse_ports
from nexus_cli.scaffold.outcome import Choice

DEFAULT = Choice()
BLUEPRINT = """\
# The orders of the shop.
nexus:  v1
kind: service
name: order
port: 3001   # as ever
uses: [ postgres, nats ]

routes:
- path: /api/v1/items   # for the web shop
  auth: jwt

resources:
  # what is sold
  item:
    fields: {name: string, note: 'text optional'}   # keep it short
"""


@pytest.fixture
def order(shop: Path) -> Path:
    """The blueprint of a service that is generated."""
    path = shop / "blueprints/services/order.yaml"
    path.write_text(BLUEPRINT)
    generate_app(shop, "order", DEFAULT)
    return path


def lines_added(before: str, after: str) -> list[str]:
    """The lines that are new; every line of before is there still, in its order."""
    rest = iter(after.splitlines())
    added = []
    for line in before.splitlines():
        for other in rest:
            if other == line:
                break
            added.append(other)
        else:
            pytest.fail(f"{line!r} is gone")
    return [*added, *rest]


def test_a_resource_is_described_as_its_neighbours_and_generated(shop: Path, order: Path) -> None:
    fields = ["number:string unique", "status:enum(draft, paid) = draft", "item:ref(item) optional"]
    wanted = Details(
        "bills", ["list", "get", "update"], states=["draft:paid"], events=["updated"], tenant=True
    )
    outcome = add_resource(shop, "order", "invoice", fields, DEFAULT, wanted)
    assert lines_added(BLUEPRINT, order.read_text()) == [
        "  invoice:",
        '    fields: {number: string unique, status: "enum(draft, paid) = draft", item: ref(item) optional}',
        "    tenant: true",
        "    plural: bills",
        "    operations: [list, get, update]",
        "    states: {draft: [paid]}",
        "    events: {updated: invoice.updated}",
        "events: {publishes: [invoice.updated]}",
    ]
    created = [change.path for change in outcome.changes if change.status == "created"]
    assert created == [
        "services/order/migrations/versions/0002_create_bills.py",
        "services/order/src/order_service/generated/resources/tenants.py",
    ]
    models = shop / "services/order/src/order_service/generated/resources/models.py"
    assert "class Invoice(Base)" in models.read_text()
    assert [finding for finding in find_all(shop) if finding.severity == "error"] == []


def test_a_route_is_written_as_its_neighbours(shop: Path, order: Path) -> None:
    said = {"auth": "none", "methods": ["GET"], "limit": "100/s", "retries": "2"}
    add_route(shop, "order", "/public", said, DEFAULT)
    assert lines_added(BLUEPRINT, order.read_text()) == [
        "- path: /public",
        "  auth: none",
        "  methods: [GET]",
        "  limit: 100/s",
        "  retries: 2",
    ]
    route = load(shop).services["order"].routes[1]
    assert (route.path, route.auth, route.methods, route.limit, route.retries) == (
        "/public",
        "none",
        ("GET",),
        100.0,
        2,
    )
    add_route(shop, "order", "/public", {"version": "v2"}, DEFAULT)


def test_events_are_described_and_handled(shop: Path, order: Path) -> None:
    add_event(shop, "order", "publishes", "order.paid", DEFAULT)
    outcome = add_event(shop, "order", "consumes", "payment.done", DEFAULT)
    assert lines_added(BLUEPRINT, order.read_text()) == [
        "events: {publishes: [order.paid], consumes: [payment.done]}"
    ]
    assert any(re.search(r'consumes "payment\.done"|payment\.done', note) for note in outcome.notes)
    handlers = shop / "services/order/src/order_service/domain/events.py"
    assert "payment.done" in handlers.read_text()


def test_the_event_bus_comes_with_the_first_event(shop: Path) -> None:
    generate_app(shop, "stock", DEFAULT, kind="go", uses=("postgres",))
    blueprint = shop / "blueprints/services/stock.yaml"
    blueprint.write_text(blueprint.read_text().replace("uses: [postgres]", "uses: [postgres]  # ours"))
    before = blueprint.read_text()
    add_event(shop, "stock", "publishes", "stock.low", DEFAULT)
    said = blueprint.read_text()
    assert "uses: [postgres, nats]  # ours" in said
    assert lines_added(before.replace("postgres]", "postgres, nats]"), said) == [
        "events: {publishes: [stock.low]}"
    ]
    add_resource(shop, "stock", "shelf", ["code:string"], DEFAULT, Details(events=["created"]))
    assert blueprint.read_text().count("nats") == 1
    assert "catalogue:nats" in (shop / "nexus.yaml").read_text()
    assert [f for f in find_all(shop) if f.severity == "error"] == []


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("item", ["a:int"], 'order.yaml:14:3: order has a resource "item" already'),
        ("bill", ["a:strng"], 'did you mean "string"?'),
        ("bill", ["a:enum"], "an enum needs its values"),
        ("bill", ["a:enum(a, b) = c"], "default 'c' is not one of"),
        ("bill", ["a"], "expected a field such as amount:money"),
        ("bill", ["a:int", "a:text"], 'the field "a" is given twice'),
        ("bill", ["a:ref(itm)"], 'did you mean "item"?'),
        ("bill", ["id:int"], "has a meaning of its own"),
        ("bill", ["Total:int"], "is not a lower_case name"),
        ("Bill", ["a:int"], 'did you mean "bill"?'),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_written(
    shop: Path, order: Path, name: str, fields: list[str], words: str
) -> None:
    before = tree(shop)
    with pytest.raises(NexusError) as fault:
        add_resource(shop, "order", name, fields, DEFAULT)
    said = f"{fault.value.message} {fault.value.hint}"
    if isinstance(fault.value, BlueprintFault):
        said += " ".join(finding.hint or "" for finding in fault.value.findings)
    assert words in said
    assert tree(shop) == before
    assert order.read_text() == BLUEPRINT


def test_routes_and_events_that_are_there_are_refused(shop: Path, order: Path) -> None:
    with pytest.raises(UsageError, match=r"order\.yaml:9:3: order has the route /api/v1/items already"):
        add_route(shop, "order", "/api/v1/items", {}, DEFAULT)
    with pytest.raises(BlueprintFault, match="expected 'none' or 'jwt', got 'jtw'"):
        add_route(shop, "order", "/x", {"auth": "jtw"}, DEFAULT)
    add_event(shop, "order", "publishes", "order.paid", DEFAULT)
    with pytest.raises(UsageError, match=r"order publishes order\.paid already"):
        add_event(shop, "order", "publishes", "order.paid", DEFAULT)
    with pytest.raises(BlueprintFault, match="'Paid' does not have the form"):
        add_event(shop, "order", "publishes", "Paid", DEFAULT)
    assert order.exists()


def test_a_conflict_keeps_the_blueprint_as_it_was(shop: Path, order: Path) -> None:
    (shop / "services/order/src/order_service/generated/resources/models.py").write_text("# mine\n")
    before = tree(shop)
    with pytest.raises(NexusError, match=r"resources/models\.py"):
        add_resource(shop, "order", "bill", ["a:int"], DEFAULT)
    assert tree(shop) == before
    assert order.read_text() == BLUEPRINT


def test_what_a_service_uses_is_included_with_it(shop: Path) -> None:
    path = shop / "blueprints/services/order.yaml"
    path.write_text("nexus: v1\nkind: service\nname: order\nport: 3001\nuses: [postgres, redis]\n")
    add_resource(shop, "order", "item", ["name:string"], DEFAULT)
    platform = load(shop)
    assert {"postgres", "redis"} <= set(platform.components)
    assert path.read_text().endswith("resources:\n  item:\n    fields: {name: string}\n")
    assert (shop / "services/order/migrations/versions/0001_initial.py").exists()


def test_components_come_from_the_catalogue_or_run_an_image(shop: Path) -> None:
    outcome = add_component(shop, "cache", DEFAULT)
    assert [change.path for change in outcome.changes] == ["nexus.yaml"]
    assert "redis" in load(shop).components
    ports = parse_ports(["smtp=1025", "http=8025"])
    add_component(shop, "mail", DEFAULT, image="axllent/mailpit:v1.27", ports=ports)
    mail = load(shop).components["mail"]
    assert (mail.image, mail.ports) == ("axllent/mailpit:v1.27", {"smtp": 1025, "http": 8025})
    assert mail.health is not None
    assert mail.health.tcp == "smtp"
    assert [finding for finding in find_all(shop) if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("name", "image", "ports", "words"),
    [
        ("rediss", "", [], 'did you mean "redis"?'),
        ("redis", "", ["http=1"], "--port belongs to a component of your own"),
        ("postgres", "", [], 'there is a component "postgres" already'),
        ("order", "x:1", [], 'there is a service "order" already'),
        ("Mail", "x:1", [], 'did you mean "mail"?'),
        ("mail", "x:1", ["http=3001"], "port 3001 is taken by order"),
        ("mail", "x:1", ["http=0"], "greater than or equal to 1"),
    ],
)
def test_components_that_cannot_be_are_refused(
    shop: Path, order: Path, name: str, image: str, ports: list[str], words: str
) -> None:
    before = tree(shop)
    with pytest.raises(NexusError) as fault:
        add_component(shop, name, DEFAULT, image=image, ports=parse_ports(ports))
    assert words in f"{fault.value.message} {fault.value.hint}"
    assert tree(shop) == before
    assert order.exists()


def test_words_are_read_strictly() -> None:
    assert parse_fields(["at:datetime = 2026-01-01T00:00:00Z"]) == {"at": "datetime = 2026-01-01T00:00:00Z"}
    for wrong in ([], [":int"], ["a:"], ["a: "]):
        with pytest.raises(UsageError):
            parse_fields(wrong)
    for wrong in (["8080"], ["http=x"], ["=1"]):
        with pytest.raises(UsageError, match="--port expects NAME=NUMBER"):
            parse_ports(wrong)


def test_the_commands_as_they_are_typed(shop: Path, order: Path, nexus: Run) -> None:
    before = tree(shop)
    for words in (
        ("resource", "order", "bill", "amount:money", "--operations", "list,get"),
        ("route", "order", "/bills", "--limit", "100/s", "--auth", "none"),
        ("event", "order", "publishes", "bill.paid"),
        ("component", "redis"),
    ):
        dry = nexus("generate", *words, "--dry-run", "-o", "json", cwd=shop)
        assert json.loads(dry.stdout)["dry_run"]
        assert tree(shop) == before
    for words in (
        ("resource", "ordr", "bill", "amount:money"),
        ("route", "ordr", "/bills"),
        ("event", "ordr", "publishes", "bill.paid"),
    ):
        refused = nexus("generate", *words, cwd=shop, code=2)
        assert 'there is no service "ordr"\nhint: did you mean "order"?' in refused.stderr
    done = nexus(
        "generate", "resource", "order", "bill", "amount:money", "--operations", "list,get", cwd=shop
    )
    assert "updated  blueprints/services/order.yaml" in done.stdout
    assert "created  services/order/migrations/versions/0002_create_bills.py" in done.stdout
    wrong = nexus("generate", "resource", "order", "x", "a:int", "--operations", "lst", cwd=shop, code=2)
    assert 'unknown operation "lst"\nhint: did you mean "list"?' in wrong.stderr
    assert order.read_text().startswith(BLUEPRINT)
