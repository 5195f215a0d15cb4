"""Joins what people write to the generated service."""

from order_service.generated.extension import Extension

from .order import OrderRules


def register(service: Extension) -> None:
    """Join the generated service."""
    service.hooks.order = OrderRules()
