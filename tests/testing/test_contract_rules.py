"""What is decided without running anything: calls, breaking changes, what a change affects, verdicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import pytest

from nexus_cli.blueprint.load import load
from nexus_cli.conformance.service import Answer
from nexus_cli.release.artifact import beside
from nexus_cli.release.ledger import opened
from nexus_cli.release.record import Artifact, Release
from nexus_cli.testing.case import Case, Status
from nexus_cli.testing.changes import affected
from nexus_cli.testing.contract import breaking, promises
from nexus_cli.testing.contract.calls import check, found
from nexus_cli.testing.retry import retried, settled
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
    calls = [(call.method, call.path) for call in found(load(shop), load(shop).services["order"])]
    assert sorted(calls) == [
        ("DELETE", "/api/v1/products/{}"),
        ("GET", "/api/v1/products/{}"),
        ("GET", "/api/v1/products/{}"),
        ("POST", "/api/v1/products"),
    ]


def test_a_call_that_nobody_serves_is_found(shop: Path) -> None:
    cases = list(check(load(shop), {"catalog": PRODUCTS}, ["order", "catalog"]))
    assert len(cases) == len(CALLS) - 1
    (case,) = [case for case in cases if case.status == "failed"]
    assert case.message == "catalog does not serve DELETE /api/v1/products/{}"
    assert (case.file, case.line) == ("services/order/internal/d.go", 2)


REFERENCE = """\
# Reference of Catalog

## `client.{0}`

### `{0}.{1}`

`GET /api/v1/products/{{id}}`

### `{0}.{2}`

`DELETE /api/v1/products/{{id}}`
"""
PYTHON = """\
from catalog_client import Client

def show(client: Client, one: str) -> None:
    client.products.get_product(one)
    client.products.drop_product(one)
"""
TYPESCRIPT = """\
import { Client } from "@shop/catalog-client";

export async function show(client: Client, id: string): Promise<void> {
  await client.products.getProduct({ id });
  await client.products
    .dropProduct({ id });
}
"""
GO = """\
package desk

import "shop.internal/packages/catalogclient"

func show(ctx context.Context, client *catalogclient.Client) {
	client.Products.GetProduct(ctx, nil)
	client.Products.DropProduct(ctx, nil)
}
"""
PYTHON_CLIENTS = """\
async def show(context: Context, one: str) -> None:
    api = context.runtime.clients.catalog.api
    await api.products.get_product(one)
    await context.runtime.clients.catalog.api.products.drop_product(one)
"""
TYPESCRIPT_CLIENTS = """\
await runtime.clients.catalog.api.products.getProduct({ id });
await runtime.clients.catalog.api.products.dropProduct({ id });
"""
GO_CLIENTS = """\
	s.Clients.Catalog.API.Products.GetProduct(ctx, nil)
	s.Clients.Catalog.API.Products.DropProduct(ctx, nil)
"""
PAGE_CLIENTS = """\
import { clients } from "../generated/clients.ts";

const api = await clients.catalog();
await api.products.getProduct({ id });
await api.products.dropProduct({ id });
"""
TYPESCRIPT_NAMES = ("products", "getProduct", "dropProduct")
CLIENTS = {
    "fastapi": (
        "python",
        "src/desk.py",
        (PYTHON, PYTHON_CLIENTS),
        ("products", "get_product", "drop_product"),
    ),
    "fastify": ("typescript", "src/desk.ts", (TYPESCRIPT, TYPESCRIPT_CLIENTS), TYPESCRIPT_NAMES),
    "nextjs": ("typescript", "src/desk.tsx", (TYPESCRIPT, PAGE_CLIENTS), TYPESCRIPT_NAMES),
    "go": ("go", "internal/desk.go", (GO, GO_CLIENTS), ("Products", "GetProduct", "DropProduct")),
}


@pytest.mark.parametrize("form", [0, 1], ids=["imported", "of the service's own clients"])
@pytest.mark.parametrize("kind", CLIENTS)
def test_what_a_generated_client_is_asked_for_has_to_be_served(shop: Path, kind: str, form: int) -> None:
    language, file, codes, names = CLIENTS[kind]
    code = codes[form]
    desk = f"{{nexus: v1, kind: service, name: desk, type: {kind}, port: 8103, uses: [catalog]}}"
    (shop / "b" / "desk.yaml").write_text(desk)
    joined = f"language: {language}, users: [desk], client_of: catalog"
    package = f"{{nexus: v1, kind: package, name: catalog-client, {joined}}}"
    (shop / "b" / "client.yaml").write_text(package)
    other = "client.products.get_product()  # of another client\nClient().products.drop_product()\n"
    for path, text in {
        "packages/catalog-client/REFERENCE.md": REFERENCE.format(*names),
        f"services/desk/{file}": code,
        "services/desk/src/other.py": other,
        "services/desk/src/desk.test.ts": code,
        "services/desk/src/desk_test.go": code,
    }.items():
        (shop / path).parent.mkdir(parents=True, exist_ok=True)
        (shop / path).write_text(text)
    kept, lost = check(load(shop), {"catalog": PRODUCTS}, ["desk"])
    assert (kept.status, kept.name) == ("passed", "GET /api/v1/products/{} of catalog")
    assert lost.message == "catalog does not serve DELETE /api/v1/products/{}"
    assert lost.file == f"services/desk/{file}"


PAGES = """\
fetch(`/api/gateway/api/shop/products/${id}?full=1`);
fetch(`/api/gateway${path}`); // what serves "/api/gateway/{path}"
const apis = {
  products: { path: "/api/shop/products" },
  gone: { path: "/api/v1/gone" },
};
"""


def test_what_pages_show_has_to_be_served_behind_the_gateway(shop: Path) -> None:
    web = "{nexus: v1, kind: service, name: web, type: nextjs, port: 8104, uses: [catalog]}"
    (shop / "b" / "web.yaml").write_text(web)
    routes = "[{path: /api/shop, rewrite: /api/v1}]"
    catalog = f"{{nexus: v1, kind: service, name: catalog, port: 8102, routes: {routes}}}"
    (shop / "b" / "catalog.yaml").write_text(catalog)
    pages = shop / "services" / "web" / "src" / "pages.tsx"
    pages.parent.mkdir(parents=True)
    pages.write_text(PAGES)
    cases = check(load(shop), {"catalog": PRODUCTS}, ["web"])
    assert [(case.name, case.message, case.line) for case in cases] == [
        ("GET /api/shop/products/{} of catalog", "", 1),
        ("GET /api/shop/products of catalog", "catalog does not serve GET /api/v1/products", 4),
        ("GET /api/v1/gone of the gateway", "no route of the gateway leads there", 5),
    ]


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


def test_attempts_end_with_the_first_that_is_good() -> None:
    def case(name: str, status: Status) -> Case:
        return Case("chaos", "a", name, status, message=f"{name} {status}")

    attempts = [
        [case("well", "passed"), case("late", "failed"), case("never", "failed"), case("all", "error")],
        [case("late", "passed"), case("never", "failed"), case("beside", "passed")],
        [case("never", "failed")],
    ]
    asked: list[list[str]] = []

    def attempt(failed: Sequence[Case]) -> list[Case]:
        asked.append([one.name for one in failed])
        return attempts[len(asked) - 1]

    assert [(one.name, one.status, one.message) for one in retried(2, attempt)] == [
        ("well", "passed", "well passed"),
        ("late", "flaky", "passed at attempt 2; first: late failed"),
        ("beside", "passed", "beside passed"),
        ("never", "failed", "never failed"),
        ("all", "error", "all error"),
    ]
    assert asked == [[], ["late", "never", "all"], ["never", "all"]]
    asked.clear()
    assert [one.status for one in retried(0, attempt)] == ["passed", "failed", "failed", "error"]
    assert asked == [[]]


def test_what_broke_and_is_whole_the_next_time_is_flaky() -> None:
    attempts = iter(
        [[Case("security", "platform", "roles", "error")], [Case("security", "a", "x", "passed")]]
    )
    assert [(one.name, one.status) for one in retried(1, lambda _: next(attempts))] == [
        ("roles", "flaky"),
        ("x", "passed"),
    ]


def test_coverage_is_of_all_code_together() -> None:
    measured = {"big": Coverage(90, 100), "small": Coverage(0, 10)}
    assert coverage_case(measured, 80).status == "passed"
    low = coverage_case(measured, 85)
    assert low.status == "failed"
    assert low.message == "81.8 % of the code is tested, not 85 %: small 0.0 %, big 90.0 %"


THING = {"name": "thing", "plural": "things", "operations": ["create"], "fields": []}


class Answering:
    """A service of one resource that answers every request alike; `Rig` and its service in one."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.answers = {"resources": [THING]}
        self.service = self

    def body(self, _: object) -> dict[str, object]:
        return {"name": "x"}

    def post(self, *_: object) -> Answer:
        return Answer(self.status, {}, b"no")


@pytest.mark.parametrize(
    ("status", "own_rules"),
    [
        (400, True),
        (403, True),
        (409, True),
        (422, True),
        (200, False),
        (202, False),
        (301, False),
        (500, False),
    ],
)
def test_only_a_refusal_is_a_rule_of_its_own(status: int, own_rules: bool) -> None:
    """A wrong status code may not be taken for a rule, or the clauses that find it would be left out."""
    assert bool(promises._refused(cast("Any", Answering(status)))) is own_rules


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
