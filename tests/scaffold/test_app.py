"""nexus generate app: blueprint, code and nexus.yaml as one change."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from nexus_generators.writer import MANIFEST
from scaffolding import Run, tree

from nexus_cli import __version__
from nexus_cli.blueprint.load import BlueprintFault, load
from nexus_cli.blueprint.rules import find_all
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.scaffold.app import generate_app
from nexus_cli.scaffold.outcome import Choice, Outcome, parse_data, parse_uses
from nexus_cli.scaffold.service import plural, variables

DEFAULT = Choice()


def statuses(outcome: Outcome) -> set[str]:
    return {change.status for change in outcome.changes}


def settings(root: Path) -> Path:
    return root / "services/order/src/order_service/generated/settings.py"


def test_a_new_service_is_described_and_generated(shop: Path) -> None:
    outcome = generate_app(shop, "order", DEFAULT, uses=("postgres", "redis", "event-bus"))
    assert statuses(outcome) == {"created", "updated"}
    assert [change.path for change in outcome.changes if change.status == "updated"] == ["nexus.yaml"]
    platform = load(shop)
    order = platform.services["order"]
    assert (order.port, order.type, list(order.resources)) == (3001, "fastapi", ["item"])
    assert {"catalogue:postgres", "catalogue:redis", "catalogue:nats"} <= set(platform.spec.include)
    assert "# what comes with nexus" in (shop / "nexus.yaml").read_text()
    assert find_all(shop) == []
    answers = yaml.safe_load((shop / "services/order/.copier-answers.yml").read_text())
    assert (answers["_src_path"], answers["_commit"]) == ("nexus:service/fastapi", __version__)
    assert answers["connections"] == ["DATABASE_URL", "NATS_URL", "REDIS_URL"]
    assert answers["resources"][0]["plural"] == "items"


def test_again_is_the_same_and_writes_nothing(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT, uses=("postgres",))
    before = {path: path.stat().st_mtime_ns for path in shop.rglob("*") if ".nexus" not in path.parts}
    assert statuses(generate_app(shop, "order", DEFAULT, uses=("postgres",))) == {"same"}
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_platform_defaults_count_from_the_first_run_on(shop: Path) -> None:
    with (shop / "nexus.yaml").open("a") as file:
        file.write("defaults: {service: {owner: team-x, deploy: {strategy: canary}}}\n")
    generate_app(shop, "order", DEFAULT)
    assert statuses(generate_app(shop, "order", DEFAULT)) == {"same"}
    assert "team-x" in (shop / "services/order/.copier-answers.yml").read_text()


def test_generated_files_follow_the_blueprint_and_the_persons_stay(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT)
    mine = shop / "services/order/src/order_service/domain/routes.py"
    mine.write_text("# mine\n")
    blueprint = shop / "blueprints/services/order.yaml"
    fields = "name: string unique, price: money = 1"
    blueprint.write_text(blueprint.read_text().replace("name: string", fields))
    outcome = generate_app(shop, "order", DEFAULT)
    updated = {change.path for change in outcome.changes if change.status == "updated"}
    assert "services/order/src/order_service/generated/resources/models.py" in updated
    assert mine.read_text() == "# mine\n"
    assert "price" in blueprint.read_text()


def test_an_edit_of_a_generated_file_is_kept_until_both_changed(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT)
    path = "services/order/src/order_service/generated/resources/models.py"
    (shop / path).write_text("# mine\n")
    kept = [change.path for change in generate_app(shop, "order", DEFAULT).changes if change.status == "kept"]
    assert kept == [path]
    blueprint = shop / "blueprints/services/order.yaml"
    blueprint.write_text(blueprint.read_text().replace("name: string", "name: string, title: text optional"))
    before = tree(shop)
    for choice in (DEFAULT, Choice(dry_run=True)):
        with pytest.raises(NexusError, match=r"resources/models\.py"):
            generate_app(shop, "order", choice)
        assert tree(shop) == before
    generate_app(shop, "order", Choice(force=True))
    assert (shop / f"{path}.orig").read_text() == "# mine\n"
    assert "title" in (shop / path).read_text()
    assert statuses(generate_app(shop, "order", DEFAULT)) <= {"same", "kept"}


def test_what_the_blueprint_no_longer_needs_goes(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT, uses=("postgres", "redis"))
    blueprint = shop / "blueprints/services/order.yaml"
    blueprint.write_text(blueprint.read_text().replace("uses: [postgres, redis]", "uses: [postgres]"))
    removed = [c.path for c in generate_app(shop, "order", DEFAULT).changes if c.status == "removed"]
    assert "services/order/src/order_service/generated/cache.py" in removed
    assert not any((shop / path).exists() for path in removed)


def test_an_existing_blueprint_is_the_description(shop: Path) -> None:
    text = "# mine\nnexus: v1\nkind: service\nname: order\nport: 4000\ntype: fastapi\nsource: apps/order\n"
    (shop / "blueprints/services/order.yaml").write_text(text)
    outcome = generate_app(shop, "order", DEFAULT, port=5000, uses=("redis",))
    assert (shop / "blueprints/services/order.yaml").read_text() == text
    assert (shop / "apps/order/pyproject.toml").exists()
    assert not (shop / "services/order").exists()
    assert outcome.notes == (
        "blueprints/services/order.yaml describes order: --uses, --port changes nothing",
    )
    with pytest.raises(UsageError, match=r'blueprints/services/order\.yaml:6:7: order is of type "fastapi"'):
        generate_app(shop, "order", DEFAULT, kind="fastify")


def test_ports_and_routes_do_not_clash(shop: Path) -> None:
    for name in ("order", "payment", "billing"):
        generate_app(shop, name, DEFAULT)
    generate_app(shop, "mailer", DEFAULT, uses=())
    services = load(shop).services
    assert len({service.port for service in services.values()}) == len(services)
    assert [s.routes[0].path for s in services.values()] == [
        "/api/v1/billing",
        "/api/v1/mailer",
        "/api/v1/items",
        "/api/v1/payment",
    ]
    assert services["payment"].routes[0].rewrite == "/api/v1"
    assert services["mailer"].resources == {}
    assert find_all(shop) == []
    with pytest.raises(UsageError, match="port 3001 is taken by order"):
        generate_app(shop, "other", DEFAULT, port=3001)


def test_services_can_use_services(shop: Path) -> None:
    generate_app(shop, "catalog", DEFAULT)
    generate_app(shop, "order", DEFAULT, uses=("postgres", "catalog"))
    platform = load(shop)
    assert variables(platform, platform.services["order"])["calls"] == ["catalog"]
    assert find_all(shop) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("postgres", "name of a component"),
        ("event-bus", "an alias of nats"),
        ("gateway", "reserved"),
        ("nexus", "reserved"),
        ("My_Service", 'did you mean "my-service"'),
        ("OrderItems", 'did you mean "order-items"'),
        ("order/../../x", "cannot be the name"),
        ("x" * 41, "cannot be the name"),
        ("{{ 7 }}", "cannot be the name"),
        ("order\n", "cannot be the name"),
        ("", "cannot be the name"),
    ],
)
def test_names_that_clash_or_cannot_be_are_refused(shop: Path, name: str, words: str) -> None:
    before = tree(shop)
    with pytest.raises(UsageError) as fault:
        generate_app(shop, name, DEFAULT)
    assert words in f"{fault.value.message} {fault.value.hint}"
    assert tree(shop) == before


@pytest.mark.parametrize(
    ("uses", "words"),
    [("postgress", 'did you mean "postgres"?'), ("x: y", "there are:"), ("order", "cannot use itself")],
)
def test_unknown_dependencies_are_refused(shop: Path, uses: str, words: str) -> None:
    with pytest.raises(UsageError) as fault:
        generate_app(shop, "order", DEFAULT, uses=(uses,))
    assert words in f"{fault.value.message} {fault.value.hint}"


@pytest.mark.parametrize(
    "title",
    [
        'It\'s "a" {{ 7 * 7 }} {% x %}',
        "# : & * ! | > % @ `",
        "- yes",
        "null",
        "ü 漢字 🚀",
        "\\n ${x} $$",
        "3.0",
    ],
)
def test_hostile_titles_arrive_as_they_are(shop: Path, title: str) -> None:
    generate_app(shop, "order", DEFAULT, title=title)
    assert load(shop).services["order"].title == title
    answers = yaml.safe_load((shop / "services/order/.copier-answers.yml").read_text())
    assert answers["title"] == title
    for path in (shop / "services/order").rglob("*.py"):
        compile(path.read_text(), str(path), "exec")
    assert statuses(generate_app(shop, "order", DEFAULT)) == {"same"}


@pytest.mark.parametrize("title", ["two\nlines", "tab\t", "bell\x07", " blank", "x" * 201])
def test_titles_that_are_not_one_line_are_refused(shop: Path, title: str) -> None:
    with pytest.raises(UsageError, match="--title must be one line"):
        generate_app(shop, "order", DEFAULT, title=title)


def test_a_folder_of_a_persons_own_is_not_written_into(shop: Path) -> None:
    (shop / "services/order").mkdir()
    (shop / "services/order/main.go").write_text("package main\n")
    before = tree(shop)
    with pytest.raises(UsageError, match="services/order is there and was not generated"):
        generate_app(shop, "order", DEFAULT)
    assert tree(shop) == before
    generate_app(shop, "order", Choice(force=True))
    assert (shop / "services/order/main.go").read_text() == "package main\n"


def test_data_answers_the_templates_own_questions_and_is_remembered(shop: Path) -> None:
    generate_app(shop, "order", Choice(data={"license": "MIT"}))
    assert 'license = "MIT"' in (shop / "services/order/pyproject.toml").read_text()
    assert statuses(generate_app(shop, "order", DEFAULT)) == {"same"}
    with pytest.raises(UsageError, match="port comes from the blueprint"):
        generate_app(shop, "order", Choice(data={"port": "1"}))
    for wrong in ("nosuch", "package"):
        with pytest.raises(UsageError, match=f'does not ask for "{wrong}"'):
            generate_app(shop, "order", Choice(data={wrong: "1"}))


def test_a_blueprint_outside_the_includes_is_pointed_out(shop: Path) -> None:
    nexus = shop / "nexus.yaml"
    nexus.write_text(nexus.read_text().replace("blueprints/**/*.yaml", "blueprints/environments/*.yaml"))
    generate_app(shop, "order", DEFAULT)
    assert "blueprints/services/order.yaml" in load(shop).spec.include
    (shop / "blueprints/services/other.yaml").write_text("nexus: v1\n")
    with pytest.raises(UsageError, match="does not include it"):
        generate_app(shop, "other", DEFAULT)


def test_broken_blueprints_stop_it_before_anything_is_written(shop: Path) -> None:
    (shop / "blueprints/services/broken.yaml").write_text("nexus: v1\nkind: service\nname: broken\n")
    before = tree(shop)
    with pytest.raises(BlueprintFault):
        generate_app(shop, "order", DEFAULT)
    assert tree(shop) == before


def test_a_capability_that_is_not_described_enough_for_stops_it(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT, uses=("postgres",))
    blueprint, before = shop / "blueprints/services/order.yaml", tree(shop / "services")
    blueprint.write_text(blueprint.read_text() + "with: [notification]\n")
    with pytest.raises(BlueprintFault, match='needs the resource "delivery"'):
        generate_app(shop, "order", DEFAULT)
    assert tree(shop / "services") == before


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ("{base: {fields: {name: string}}}", '"base" has a meaning of its own'),
        ("{thing: {fields: {json: string}}}", '"json" has a meaning of its own'),
        ("{a: {fields: {b: ref(b)}}, b: {fields: {a: ref(a)}}}", "circular references: a -> b -> a"),
    ],
)
def test_what_code_could_not_say_stops_it(shop: Path, resources: str, words: str) -> None:
    described = shop / "blueprints/services/stock.yaml"
    described.write_text(
        "{nexus: v1, kind: service, name: stock, type: fastapi, port: 3900, uses: [postgres], "
        f"resources: {resources}}}\n"
    )
    with pytest.raises(BlueprintFault, match=re.escape(words)):
        generate_app(shop, "stock", DEFAULT)
    assert not (shop / "services/stock").exists()


def test_the_command_as_it_is_typed(shop: Path, nexus: Run) -> None:
    first = nexus("generate", "app", "my-service", "--type", "fastapi", "--uses", "none", cwd=shop / "docs")
    assert "created  services/my-service/pyproject.toml" in first.stdout
    assert first.stderr == "next: nexus up\n"
    again = nexus("generate", "app", "my-service", "-o", "json", cwd=shop)
    assert {change["status"] for change in json.loads(again.stdout)["changes"]} == {"same"}
    before = tree(shop)
    dry = nexus("generate", "app", "other", "--dry-run", cwd=shop)
    assert "created  services/other/pyproject.toml" in dry.stdout
    assert tree(shop) == before
    wrong = nexus("generate", "app", "other", "--type", "fastpi", cwd=shop, code=2)
    assert 'unknown service type "fastpi"' in wrong.stderr
    assert 'did you mean "fastapi"?' in wrong.stderr
    outside = nexus("generate", "app", "other", cwd=shop.parent, code=2)
    assert "no nexus.yaml" in outside.stderr


def test_conflicts_end_with_one_and_the_names(shop: Path, nexus: Run) -> None:
    generate_app(shop, "order", DEFAULT)
    path = "services/order/src/order_service/generated/resources/models.py"
    (shop / path).write_text("# mine\n")
    blueprint = shop / "blueprints/services/order.yaml"
    blueprint.write_text(blueprint.read_text().replace("name: string", "name: string, title: text optional"))
    done = nexus("generate", "app", "order", cwd=shop, code=1)
    assert path in done.stderr
    assert "--force" in done.stderr


def test_a_killed_command_is_undone_by_the_next(shop: Path) -> None:
    before = tree(shop)
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "nexus_cli", "generate", "app", "order"],
            cwd=shop,
            stderr=subprocess.DEVNULL,
        )
        while not (shop / ".nexus/transaction/journal").exists() and process.poll() is None:
            time.sleep(0.0001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        outcome = generate_app(shop, "other", DEFAULT, uses=())
        names = set(load(shop).services)
        whole = (shop / "services/order" / MANIFEST).exists()
        assert ("order" in names) == whole
        assert "created" in statuses(outcome) or "same" in statuses(outcome)
    assert set(before) <= set(tree(shop))


def test_built_in_templates_need_no_copier(shop: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from nexus_cli.scaffold.app import generate_app\nfrom nexus_cli.scaffold.outcome import Choice\n"
        "from nexus_cli.scaffold.package import generate_package\n"
        "import nexus_cli.scaffold.workspace\n"
        "root = Path.cwd()\n"
        "generate_app(root, 'order', Choice()); generate_package(root, 'lib', Choice())\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'copier', 'git', 'plumbum', 'docker', 'questionary'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=shop, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_words_of_the_command_line_are_read_strictly() -> None:
    assert parse_data(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    assert parse_uses("none") == ()
    assert parse_uses("a, b,a") == ("a", "b")
    for wrong in ("", ",", "none,redis"):
        with pytest.raises(UsageError):
            parse_uses(wrong)
    for wrong in ("a", "=b"):
        with pytest.raises(UsageError):
            parse_data([wrong])


def test_plurals() -> None:
    nouns = ["item", "category", "day", "box", "address", "batch"]
    assert list(map(plural, nouns)) == ["items", "categories", "days", "boxes", "addresses", "batches"]


def test_a_web_application_shows_the_services_where_the_gateway_has_them(shop: Path) -> None:
    generate_app(shop, "order", DEFAULT)
    generate_app(shop, "catalog", DEFAULT)  # its items are reached by another path than those of order
    outcome = generate_app(shop, "web", DEFAULT, kind="nextjs")
    assert outcome.changes
    service = load(shop).services["web"]
    assert [use.service for use in service.uses] == ["catalog", "order"]
    assert (dict(service.resources), service.env) == ({}, {"GATEWAY_URL": "${gateway.url}"})
    apis = (shop / "services/web/src/generated/apis.ts").read_text()
    assert 'path: "/api/v1/items"' in apis
    assert 'path: "/api/v1/catalog/items"' in apis
