"""What is decided without running anything: calls, breaking changes, what a change affects, verdicts."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.release.artifact import beside
from nexus_cli.release.ledger import opened
from nexus_cli.release.record import Artifact, Release
from nexus_cli.testing.case import Case
from nexus_cli.testing.changes import affected
from nexus_cli.testing.contract import breaking
from nexus_cli.testing.contract.calls import check, found
from nexus_cli.testing.retry import settled
from nexus_cli.testing.run import Asked, Result
from nexus_cli.testing.tested import Coverage
from nexus_cli.testing.unit import coverage_case
from nexus_cli.workspace import find

PRODUCTS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "catalog", "version": "1.0.0"},
    "paths": {
        "/api/v1/products": {
            "post": {
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}
                },
                "responses": {"201": {}},
            }
        },
        "/api/v1/products/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Product"}}}
                    }
                },
            }
        },
    },
    "components": {
        "schemas": {
            "New": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
            "Product": {
                "properties": {
                    "name": {"type": "string"},
                    "stock": {"anyOf": [{"type": "integer"}]},
                    "tags": {"type": "array", "items": {"properties": {"text": {"type": "string"}}}},
                }
            },
        }
    },
}
CALLS = {
    "src/a.py": 'await context.clients.catalog.request("GET", f"/api/v1/products/{order.product}")\n',
    "src/b.ts": "const r = await clients.catalog.request('get', `/api/v1/products/${id}?full=1`);\n",
    "internal/c.go": 'a, err := d.Clients.Catalog.Do(ctx, http.MethodPost, "/api/v1/products", body)\n',
    "internal/d.go": '\nx := clients.Catalog.Do(ctx, "DELETE", "/api/v1/products/"+id, nil)\n',
    "internal/d_test.go": 'x := clients.Catalog.Do(ctx, "PUT", "/nowhere", nil)\n',
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Two services, of which one calls the other, and a package that the first one uses."""
    (tmp_path / "nexus.yaml").write_text("{nexus: v1, kind: platform, name: shop, include: ['b/*.yaml']}")
    (tmp_path / "b").mkdir()
    order = "{nexus: v1, kind: service, name: order, port: 8101, uses: [catalog]}"
    (tmp_path / "b" / "order.yaml").write_text(order)
    (tmp_path / "b" / "catalog.yaml").write_text("{nexus: v1, kind: service, name: catalog, port: 8102}")
    (tmp_path / "b" / "money.yaml").write_text("{nexus: v1, kind: package, name: money, users: [order]}")
    for name, text in CALLS.items():
        path = tmp_path / "services" / "order" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_calls_are_found_in_every_language(shop: Path) -> None:
    calls = [(call.method, call.path) for call in found(shop, load(shop).services["order"])]
    assert sorted(calls) == [
        ("DELETE", "/api/v1/products/{}"),
        ("GET", "/api/v1/products/{}"),
        ("GET", "/api/v1/products/{}"),
        ("POST", "/api/v1/products"),
    ]


def test_a_call_that_nobody_serves_is_found(shop: Path) -> None:
    cases = list(check(load(shop), {"order": {"paths": {}}, "catalog": PRODUCTS}))
    assert len(cases) == len(CALLS) - 1
    (case,) = [case for case in cases if case.status == "failed"]
    assert case.message == "catalog does not serve DELETE /api/v1/products/{}"
    assert (case.file, case.line) == ("services/order/internal/d.go", 2)


def held(shop: Path, document: dict[str, Any], *, accept: bool = False) -> list[tuple[str, str]]:
    """What is said of the catalog's document."""
    asked = Asked(find(shop), load(shop), shop / "results", accept=accept)
    return [(case.status, case.message) for case in breaking.check(asked, "catalog", document)]


def test_a_document_is_held_against_the_one_that_was_accepted(shop: Path) -> None:
    assert held(shop, PRODUCTS) == []
    assert held(shop, PRODUCTS, accept=True) == [("passed", "")]
    new = deepcopy(PRODUCTS)
    new["components"]["schemas"]["Product"]["properties"]["price"] = {"type": "string"}
    assert held(shop, new) == [("passed", "")]
    del new["paths"]["/api/v1/products"]["post"]
    [(status, message)] = held(shop, new)
    assert (status, message.split(":")[0]) == ("failed", "POST /api/v1/products")
    assert held(shop, new, accept=True) == held(shop, new) == [("passed", "")]


def test_without_one_it_is_held_against_the_last_release_that_has_run(shop: Path) -> None:
    place = find(shop)
    ledger = opened(place)
    for version, digest in (("v1", "a"), ("v2", "b")):
        release = Release(version, "", False, "ann", "", 0.0, {}, {"catalog": Artifact(digest)})
        ledger.append("", "release", release.as_dict())
    kept = beside(place, "catalog", "a", "openapi.json")  # the other one has never run
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps(PRODUCTS))
    new = deepcopy(PRODUCTS)
    del new["components"]["schemas"]["Product"]["properties"]["stock"]
    [(status, message)] = held(shop, new)
    assert status == "failed"
    assert "stock" in message
    assert held(shop, PRODUCTS) == [("passed", "")]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("services/order/src/a.py", {"order"}),
        ("services/catalog/", {"order", "catalog"}),
        ("services/", {"order", "catalog"}),
        ("b/catalog.yaml", {"order", "catalog"}),
        ("packages/money/src/money.py", {"order", "money"}),
        ("services/order-2/x", set()),
        ("docs/index.md", set()),
        ("tests/integration/test_order.py", {"order", "catalog", "money"}),
    ],
)
def test_a_change_affects_what_uses_it(shop: Path, path: str, names: set[str]) -> None:
    assert affected(load(shop), [path]) == names


def test_only_what_passes_later_is_flaky() -> None:
    cases = [
        Case("unit", "a", name, status) for name, status in (("x", "passed"), ("y", "failed"), ("z", "error"))
    ]
    again = [Case("unit", "a", "y", "passed"), Case("unit", "a", "z", "failed")]
    assert [case.status for case in settled(cases, again, 2)] == ["passed", "flaky", "error"]


def test_coverage_is_of_all_code_together() -> None:
    measured = {"big": Coverage(90, 100), "small": Coverage(0, 10)}
    assert coverage_case(measured, 80).status == "passed"
    low = coverage_case(measured, 85)
    assert low.status == "failed"
    assert low.message == "81.8 % of the code is tested, not 85 %: small 0.0 %, big 90.0 %"


@pytest.mark.parametrize(
    ("statuses", "strict", "code"),
    [
        (["passed", "flaky", "skipped"], False, 0),
        (["passed", "failed"], False, 1),
        (["error"], False, 1),
        ([], False, 5),
        (["skipped", "not run"], False, 5),
        (["passed", "not run"], False, 0),
        (["passed", "not run"], True, 1),
    ],
)
def test_the_exit_code_follows_from_the_cases(statuses: list[Any], strict: bool, code: int) -> None:
    cases = [Case("unit", "a", "x", status) for status in statuses]
    assert Result(cases, ["unit"], 0, 0, strict=strict).exit_code == code
