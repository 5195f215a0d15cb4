"""Journeys through an API: what has the life that its blueprint says passes, everything else is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.errors import UsageError
from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.case import Case
from nexus_cli.testing.e2e import browser, journeys
from nexus_cli.testing.items import Items
from nexus_cli.testing.operations import operations
from tests.support.answering import gateway

PLATFORM = 'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/*.yaml, "catalogue:gateway"]\n'
SERVICE = """\
nexus: v1
kind: service
name: order
port: 8021
routes: [{path: /api/v1, auth: none}]
resources:
  product: {fields: {name: string unique}, operations: [create, delete]}
  order: {fields: {product: ref(product), name: string, quantity: int}}
"""
Reply = tuple[int, object]


class Shop:
    """An API that keeps orders, with one fault of your choice."""

    def __init__(self, **faults: Callable[[str], Reply]) -> None:
        self.rows: dict[str, dict[str, object]] = {}
        self.faults = faults

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], str]:
        *_, kind, identifier = [*request.path.partition("?")[0].split("/"), ""][:5]
        what = f"{request.command} {kind}" + (" one" if identifier else "")
        fault = self.faults.get(what.replace(" ", "_"))
        status, said = fault(identifier) if fault else self._right(request, kind, identifier)
        return status, {"content-type": "application/json"}, json.dumps(said) if said is not None else ""

    def _right(self, request: BaseHTTPRequestHandler, kind: str, identifier: str) -> Reply:
        if request.command == "POST":
            identifier = f"{kind}-{len(self.rows)}"
            self.rows[identifier] = {"id": identifier, **request.sent}  # type: ignore[attr-defined]
            return 201, self.rows[identifier]
        if not identifier:
            return 200, {"items": list(self.rows.values()), "next_cursor": None}
        if identifier not in self.rows:
            return 404, {}
        if request.command == "DELETE":
            del self.rows[identifier]
            return 204, None
        return 200, self.rows[identifier]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "nexus.yaml").write_text(PLATFORM)
    (tmp_path / "blueprints" / "order.yaml").write_text(SERVICE)
    return tmp_path


def gone(root: Path, shop: Shop) -> Iterator[Case]:
    platform = load(root)
    with gateway(shop.answer) as url:
        here = Gateway(url)
        for journey in journeys.plan(platform, ()):
            items = Items(here, operations(platform), {})
            yield journeys.gone(journeys.Traveller(journey, here, items, {}))
            items.remove()


def test_a_whole_life_passes_and_leaves_nothing(root: Path) -> None:
    shop = Shop()
    assert [(case.name, case.status, case.message) for case in gone(root, shop)] == [
        ("/api/v1/products: create, delete through the gateway", "passed", ""),
        ("/api/v1/orders: create, get, list, update, delete through the gateway", "passed", ""),
    ]
    assert shop.rows == {}


@pytest.mark.parametrize(
    ("fault", "answer", "message"),
    [
        ("POST_orders", (200, {"id": "1"}), "POST /api/v1/orders answers 200, not 201"),
        ("GET_orders_one", (500, {}), "GET /api/v1/orders/{id} answers 500, not 200"),
        (
            "GET_orders_one",
            (200, {"name": "other"}),
            "GET /api/v1/orders/{id} answers another name than was created",
        ),
        ("GET_orders", (200, {"items": []}), "GET /api/v1/orders does not list what was created"),
        ("PATCH_orders_one", (202, {}), "PATCH /api/v1/orders/{id} answers 202, not 200"),
        ("DELETE_orders_one", (200, {}), "DELETE /api/v1/orders/{id} answers 200, not 204"),
    ],
)
def test_a_wrong_answer_is_found(root: Path, fault: str, answer: Reply, message: str) -> None:
    _, case = gone(root, Shop(**{fault: lambda _: answer}))
    assert (case.status, case.message, case.place) == ("failed", message, "blueprints/order.yaml:5")


def test_what_is_still_there_after_it_was_deleted_is_found(root: Path) -> None:
    _, case = gone(root, Shop(DELETE_orders_one=lambda _: (204, None)))
    assert case.message == "GET /api/v1/orders/{id} of what is deleted answers 200, not 404"


def test_a_service_that_wants_more_is_skipped_with_the_reason(root: Path) -> None:
    _, case = gone(root, Shop(POST_orders=lambda _: (422, {})))
    assert case.status == "skipped"
    assert case.message.startswith("POST /api/v1/orders answers 422: its own rules want more")
    assert case.message.endswith("write tests/e2e/test_order.py")


def test_the_browser_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEXUS_BROWSER", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="is no program"):
        browser.find()
    (tmp_path / "none").write_text("#!/bin/sh\n")
    (tmp_path / "none").chmod(0o755)
    assert browser.find() == tmp_path / "none"
