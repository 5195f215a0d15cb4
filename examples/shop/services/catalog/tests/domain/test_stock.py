"""The stock follows the orders."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from catalog_service.generated.events import Event

from conftest import Deliver

TEA = {"sku": "tea", "name": "Tea", "price": "4.50", "stock": 10}


def ordered(product: str, quantity: int) -> Event[dict[str, Any]]:
    data = {"order_id": str(uuid4()), "product_id": product, "quantity": quantity}
    return Event.of("order.created", data)


async def test_an_order_takes_from_the_stock_once(
    client: httpx2.AsyncClient,
    deliver: Deliver,
) -> None:
    created = await client.post("/api/v1/products", json=TEA)
    event = ordered(created.json()["id"], 3)
    for _ in range(2):
        await deliver(event)
    product = (await client.get(created.headers["location"])).json()
    assert product["stock"] == 7


async def test_what_is_oversold_is_owed(client: httpx2.AsyncClient, deliver: Deliver) -> None:
    created = await client.post("/api/v1/products", json=TEA)
    await deliver(ordered(created.json()["id"], 12))
    assert (await client.get(created.headers["location"])).json()["stock"] == -2


@pytest.mark.usefixtures("client")
async def test_an_unknown_product_is_not_passed_over(deliver: Deliver) -> None:
    with pytest.raises(LookupError):
        await deliver(ordered(str(uuid4()), 1))
