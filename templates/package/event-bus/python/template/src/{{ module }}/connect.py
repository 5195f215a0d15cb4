"""Which bus an address means; its library is loaded only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bus import Bus, Policy
    from .schemas import Schemas


def connect(
    url: str, *, stream: str, policy: Policy | None = None, schemas: Schemas | None = None
) -> Bus:
    """Make the bus; it connects when it is entered."""
    scheme = url.partition(":")[0]
    if scheme == "memory":
        from .memory import MemoryBus  # noqa: PLC0415

        return MemoryBus(stream, policy, schemas)
    if scheme in {"nats", "tls"}:
        from .nats import NatsBus  # noqa: PLC0415

        return NatsBus(url, stream, policy, schemas)
    if scheme in {"redis", "rediss"}:
        from .redis import RedisBus  # noqa: PLC0415

        return RedisBus(url, stream, policy, schemas)
    if scheme == "kafka":
        from .kafka import KafkaBus  # noqa: PLC0415

        return KafkaBus(url, stream, policy, schemas)
    raise ValueError(f"no bus is reached by {scheme}: use nats, tls, redis, rediss, kafka or memory")
