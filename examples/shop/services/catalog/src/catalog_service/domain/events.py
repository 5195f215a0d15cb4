"""What the catalog does about orders."""

from uuid import UUID

import structlog

from catalog_service.generated.events import Event, Handler
from catalog_service.generated.resources.models import Product
from catalog_service.generated.runtime import Context

_log = structlog.get_logger()


async def on_order_created(context: Context, event: Event) -> None:
    """Take what was ordered from the stock; a negative stock is what the shop owes."""
    product_id = UUID(event.data["product_id"])
    product = await context.session.get(Product, product_id, with_for_update=True)
    if product is None:
        message = "an order for a product that is not there"
        raise LookupError(message)
    product.stock -= event.data["quantity"]
    if product.stock < 0:
        _log.warning("oversold", product_id=str(product_id), stock=product.stock)


handlers: dict[str, Handler] = {"order.created": on_order_created}
