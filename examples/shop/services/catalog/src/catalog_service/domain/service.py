"""Joins what people write to the generated service."""

from catalog_service.generated.extension import Extension

from .events import router as events


def register(service: Extension) -> None:
    """Join the generated service."""
    service.event_routers.append(events)
