"""A platform's pages: true to the blueprints, whole without a network, and alive in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from nexus_generators.docs import map_page, site
from nexus_generators.graph import FORMS, VIEWS, draw

from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.model import Platform
from nexus_cli.scaffold.docs import document
from nexus_cli.scaffold.outcome import Choice
from tests.conftest import service, skip_for

Write = Callable[[str, str], Path]
HOSTILE = "'</script><b id=broken>{{ 7 * 7 }} & \"'"


@pytest.fixture
def platform(workspace: Path, write: Write) -> Platform:
    """Two services, an event between them, and a text that would break a page."""
    write(
        "order",
        service(
            "order",
            3001,
            title="Orders",
            description=HOSTILE,
            owner="team-shop",
            uses="[postgres, nats, catalog]",
            routes="[{path: /api/v1/orders, limit: 100/s}]",
            events="{publishes: [order.created]}",
            resources="{order: {fields: {status: 'enum(placed, paid) = placed'}, states: {placed: [paid]}}}",
            secrets="[API_KEY]",
            slo="{availability: 99.9, p95: 300ms}",
        ),
    )
    write("catalog", service("catalog", 3002, uses="[nats]", events="{consumes: [order.created]}"))
    return load(workspace)


class Links(HTMLParser):
    """The addresses that a page refers to, and the elements that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [found[key] or "" for key in ("href", "src") if key in found]
        if found.get("id"):
            self.ids.append(found["id"] or "")


def test_every_link_leads_somewhere_inside(platform: Platform) -> None:
    pages = site(platform)
    assert {"index.html", "runbook.html", "services/order.html", "services/catalog.html"} <= pages.keys()
    for path, file in pages.items():
        if not path.endswith(".html"):
            continue
        for address in Links(file.content.decode()).addresses:
            target, _, mark = address.partition("#")
            place = (Path(path).parent / target).as_posix().replace("services/../", "")
            assert place in pages, (path, address)
            assert not mark or mark in Links(pages[place].content.decode()).ids, (path, address)


def test_a_reference_lies_beside_its_service_and_leads_back(platform: Platform, tmp_path: Path) -> None:
    from nexus_cli.sdk import source
    from nexus_cli.sdk.generate import pages

    spec = tmp_path / "openapi.json"
    orders = {
        "get": {"tags": ["orders"], "operationId": "list_orders", "responses": {"204": {"description": ""}}}
    }
    info = {"title": "Orders", "version": "1"}
    spec.write_text(json.dumps({"openapi": "3.1.0", "info": info, "paths": {"/orders": orders}}))
    found = site(platform, {"order": pages(source.read(str(spec)), home="../order.html")})
    assert "order/index.html" in Links(found["services/order.html"].content.decode()).addresses
    assert "../order.html" in Links(found["services/order/index.html"].content.decode()).addresses
    assert "../../order.html" in Links(found["services/order/groups/orders.html"].content.decode()).addresses
    assert "list_orders" in found["services/order/groups/orders.html"].content.decode()
    assert "Reference" not in found["services/catalog.html"].content.decode()


def test_a_service_s_page_says_what_its_blueprint_says(platform: Platform) -> None:
    page = site(platform)["services/order.html"].content.decode()
    for said in ("team-shop", "/api/v1/orders", "100/s", "order.created", "enum(placed, paid) = placed"):
        assert said in page
    for said in ("99.9 % leave 43.2 minutes a month", "300 ms", "API_KEY", "nexus restart order"):
        assert said in page
    assert "It takes with it: " in site(platform)["services/catalog.html"].content.decode()


def test_no_text_of_a_blueprint_becomes_a_part_of_the_page(platform: Platform) -> None:
    for page in (map_page(platform), *(file.content.decode() for file in site(platform).values())):
        assert "<b id=broken>" not in page
        assert "7 * 7" in page or HOSTILE[1:5] not in page


def test_pages_follow_the_blueprints_and_what_a_person_changed_stays(platform: Platform) -> None:
    root = platform.root
    assert {c.status for c in document(root, "docs/site", Choice()).changes} == {"created"}
    assert {c.status for c in document(root, "docs/site", Choice()).changes} == {"same"}
    (root / "docs/site/style.css").write_text("mine")
    (root / "blueprints/order.yaml").unlink()
    changes = {c.path: c.status for c in document(root, "docs/site", Choice()).changes}
    assert changes["docs/site/services/order.html"] == "removed"
    assert changes["docs/site/style.css"] == "kept"


@pytest.mark.parametrize("form", [*FORMS, "html"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_every_form(platform: Platform, form: str, view: str) -> None:
    drawn = draw(platform, form, view)
    assert "order" in drawn
    if form != "html":
        assert ("postgres" in drawn) == (view in {"all", "data"})
        assert ("order.created" in drawn) == (view in {"all", "events"})


def test_the_picture_of_the_events_has_who_publishes_and_who_consumes_in_rows(platform: Platform) -> None:
    words = re.findall(r'<text x="(\d+)" y="(\d+)"[^>]*>([^<]*)</text>', draw(platform, "svg", "events"))
    across = {name: int(x) for x, _, name in words}
    down = {name: int(y) for _, y, name in words}
    assert sorted(across, key=lambda name: across[name]) == ["order", "order.created", "catalog"]
    assert down["order.created"] == down["catalog"]


def test_the_map_is_alive_in_a_browser(platform: Platform, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome") or ""
    skip_for("" if browser else "no Chromium")
    page = tmp_path / "map.html"
    page.write_text(map_page(platform), encoding="utf-8")
    done = subprocess.run(
        [
            *(browser, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/user"),
            *("--virtual-time-budget=2000", "--dump-dom", f"{page.as_uri()}#unit-order"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert re.search(
        r'class="unit self"[^>]*id="unit-order"|id="unit-order"[^>]*class="unit self"', done.stdout
    )
    lines = re.findall(r"<path [^>]*>", done.stdout)
    assert len(lines) == 4  # postgres, nats and catalog, and the event to catalog
    assert "order.created → catalog" in done.stdout
    assert "broken" not in Links(done.stdout).ids
    assert json.loads(re.findall(r'id="platform">(.*?)</script>', done.stdout, re.DOTALL)[0])["services"]
