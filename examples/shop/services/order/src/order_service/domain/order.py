"""The rules of an order."""

from decimal import Decimal
from typing import Any

from order_service.generated.errors import Problem
from order_service.generated.resources.hooks import OrderHooks
from order_service.generated.resources.models import Order, OrderStatus
from order_service.generated.runtime import Context

NOT_FOUND = 404


class OrderRules(OrderHooks):
    """An order is for a product that exists and is in stock; the catalog's price makes the total."""

    async def before_create(
        self,
        context: Context,
        order: Order,
    ) -> None:
        """Ask the catalog; what the caller says about the total or the status does not count."""
        if order.quantity < 1:
            raise Problem(422, "The quantity must be at least 1.")
        response = await context.clients.catalog.request("GET", f"/api/v1/products/{order.product}")
        if response.status_code == NOT_FOUND:
            raise Problem(422, "There is no such product.")
        product = response.raise_for_status().json()
        if product["stock"] < order.quantity:
            raise Problem(409, "There is not enough of it in stock.", in_stock=product["stock"])
        order.total = Decimal(product["price"]) * order.quantity
        order.status = OrderStatus.PLACED

    async def before_update(
        self,
        context: Context,  # noqa: ARG002 - the signature of the hook
        order: Order,  # noqa: ARG002 - as above
        changes: dict[str, Any],
    ) -> None:
        """After it was placed, only the status of an order moves."""
        if changes.keys() - {"status"}:
            raise Problem(409, "Only the status of an order can be changed.")

    def event_data(self, order: Order) -> dict[str, Any]:
        """Say what others need to know, and no more."""
        return {
            "order_id": str(order.id),
            "product_id": str(order.product),
            "quantity": order.quantity,
        }
