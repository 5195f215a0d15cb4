"""What the catalog does about orders."""

from uuid import UUID

import structlog
from faststream.nats import NatsRouter
from pydantic import BaseModel

from catalog_service.generated.events import STREAM, Event
from catalog_service.generated.resources.models import Product
from catalog_service.generated.runtime import UnitOfWork

router = NatsRouter()
_log = structlog.get_logger()


class OrderCreated(BaseModel):
    """What `order.created` carries, as far as this service reads it."""

    product_id: UUID
    quantity: int


@router.subscriber(
    "order.created",
    stream=STREAM,
    durable="catalog-order-created",
    pull_sub=True,
)
async def on_order_created(event: Event[OrderCreated], context: UnitOfWork) -> None:
    """Take what was ordered from the stock; a negative stock is what the shop owes."""
    order = event.data
    product = await context.session.get(Product, order.product_id, with_for_update=True)
    if product is None:
        message = "an order for a product that is not there"
        raise LookupError(message)
    product.stock -= order.quantity
    if product.stock < 0:
        _log.warning("oversold", product_id=str(order.product_id), stock=product.stock)
