"""What an order changes on its way: the row, and the stock that the catalog keeps."""

from __future__ import annotations

from http import HTTPStatus
from uuid import uuid4

import pytest

pytestmark = pytest.mark.needs("order", "catalog")


@pytest.fixture
def product(gateway):
    body = {"sku": f"tea-{uuid4()}", "name": "Tea", "price": "4.50", "stock": 10}
    answer = gateway.post("/api/v1/products", json=body)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return answer.json()


def test_an_order_is_stored_with_the_price_of_the_catalog(gateway, database, product) -> None:
    answer = gateway.post("/api/v1/orders", json={"product": product["id"], "quantity": 3})
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    cursor = database("order").cursor()
    cursor.execute("SELECT quantity, total::text, status FROM orders WHERE id = %s", (answer.json()["id"],))
    assert cursor.fetchone() == [3, "13.50", "placed"]


def test_an_order_is_taken_from_the_stock(gateway, service, product, eventually) -> None:
    gateway.post("/api/v1/orders", json={"product": product["id"], "quantity": 3})
    catalog = service("catalog").client
    path = f"/api/v1/products/{product['id']}"
    eventually(lambda: catalog.get(path).json()["stock"] == 7)


def test_without_a_token_nothing_is_ordered(gateway, product) -> None:
    body = {"product": product["id"], "quantity": 1}
    answer = gateway.post("/api/v1/orders", json=body, headers={"authorization": ""})
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
