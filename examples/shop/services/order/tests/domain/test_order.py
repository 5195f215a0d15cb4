"""The rules of an order."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from order_service.generated.events import Event

from conftest import Answer

PRODUCT = str(uuid4())
STOCK = {"id": PRODUCT, "price": "4.50", "stock": 10}


@pytest.fixture(autouse=True)
def catalog(answers: dict[str, Answer]) -> None:
    """A catalog with one product."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        known = request.url.path == f"/api/v1/products/{PRODUCT}"
        return httpx2.Response(200, json=STOCK) if known else httpx2.Response(404)

    answers["catalog"] = answer


async def test_the_catalog_makes_the_total(
    client: httpx2.AsyncClient,
    published: list[Event[Any]],
) -> None:
    body = {"product": PRODUCT, "quantity": 3, "total": "0.01", "status": "paid"}
    response = await client.post("/api/v1/orders", json=body)
    order = response.json()
    assert response.status_code == 201
    assert (order["total"], order["status"]) == ("13.50", "placed")
    assert [event.type for event in published] == ["order.created"]
    assert published[0].data == {
        "order_id": order["id"],
        "product_id": PRODUCT,
        "quantity": 3,
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"product": PRODUCT, "quantity": 11}, 409),
        ({"product": PRODUCT, "quantity": 0}, 422),
        ({"product": str(uuid4()), "quantity": 1}, 422),
    ],
)
async def test_an_impossible_order_is_refused(
    client: httpx2.AsyncClient,
    published: list[Event[Any]],
    body: dict[str, object],
    status: int,
) -> None:
    assert (await client.post("/api/v1/orders", json=body)).status_code == status
    assert published == []


async def test_only_the_status_moves(client: httpx2.AsyncClient) -> None:
    body = {"product": PRODUCT, "quantity": 1}
    address = (await client.post("/api/v1/orders", json=body)).headers["location"]
    assert (await client.patch(address, json={"quantity": 2})).status_code == 409
    assert (await client.patch(address, json={"status": "shipped"})).status_code == 409
    assert (await client.patch(address, json={"status": "paid"})).json()["status"] == "paid"


async def test_without_the_catalog_there_are_no_orders(
    client: httpx2.AsyncClient,
    answers: dict[str, Answer],
) -> None:
    answers["catalog"] = lambda _: httpx2.Response(503)
    response = await client.post("/api/v1/orders", json={"product": PRODUCT, "quantity": 1})
    assert response.status_code == 503
