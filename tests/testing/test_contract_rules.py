"""What is decided without running anything: calls, breaking changes, what a change affects, verdicts."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.testing.case import Case
from nexus_cli.testing.changes import affected
from nexus_cli.testing.contract.breaking import broken
from nexus_cli.testing.contract.calls import check, found
from nexus_cli.testing.retry import settled
from nexus_cli.testing.run import Result
from nexus_cli.testing.tested import Coverage
from nexus_cli.testing.unit import coverage_case

PRODUCTS: dict[str, Any] = {
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


def gone(new: dict[str, Any]) -> None:
    del new["paths"]["/api/v1/products"]["post"]


def demands(new: dict[str, Any]) -> None:
    new["components"]["schemas"]["New"]["required"].append("price")


def demands_a_parameter(new: dict[str, Any]) -> None:
    get = new["paths"]["/api/v1/products/{id}"]["get"]
    get["parameters"].append({"name": "x-tenant", "in": "header", "required": True})


def takes_less(new: dict[str, Any]) -> None:
    new["components"]["schemas"]["New"]["properties"]["name"] = {"type": "integer"}


def gives_less(new: dict[str, Any]) -> None:
    del new["components"]["schemas"]["Product"]["properties"]["stock"]


def gives_less_inside(new: dict[str, Any]) -> None:
    del new["components"]["schemas"]["Product"]["properties"]["tags"]["items"]["properties"]["text"]


def gives_else(new: dict[str, Any]) -> None:
    new["components"]["schemas"]["Product"]["properties"]["stock"]["anyOf"].append({"type": "null"})


def answers_else(new: dict[str, Any]) -> None:
    new["paths"]["/api/v1/products"]["post"]["responses"] = {"202": {}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (gone, "POST /api/v1/products is gone"),
        (demands, "POST /api/v1/products demands price in the body"),
        (demands_a_parameter, "GET /api/v1/products/{id} demands the header parameter x-tenant"),
        (takes_less, "POST /api/v1/products takes no string as name any more"),
        (gives_less, "GET /api/v1/products/{id} 200: stock is gone"),
        (gives_less_inside, "GET /api/v1/products/{id} 200: tags: text is gone"),
        (gives_else, "GET /api/v1/products/{id} 200: stock can be null now"),
        (answers_else, "POST /api/v1/products answers no 201 any more"),
    ],
)
def test_what_callers_lose_is_said(change: Any, said: str) -> None:
    new = deepcopy(PRODUCTS)
    change(new)
    assert list(broken(PRODUCTS, new)) == [said]


def test_more_than_before_breaks_nothing() -> None:
    new = deepcopy(PRODUCTS)
    new["paths"]["/api/v1/products"]["get"] = {"responses": {"200": {}}}
    new["components"]["schemas"]["Product"]["properties"]["price"] = {"type": "string"}
    new["components"]["schemas"]["New"]["properties"]["note"] = {"type": "string"}
    assert list(broken(PRODUCTS, new)) == []
    assert list(broken(PRODUCTS, PRODUCTS)) == []


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
