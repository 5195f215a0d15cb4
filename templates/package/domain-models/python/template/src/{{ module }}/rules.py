"""Business rules: what must hold, said next to what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Owner = TypeVar("Owner")
_REASON = "__rule__"


class Broken(ValueError):  # noqa: N818 - the field's own term
    """Rules that do not hold, all of them."""

    def __init__(self, owner: object, reasons: tuple[str, ...]) -> None:
        super().__init__(f"{type(owner).__name__}: {'; '.join(reasons)}")
        self.reasons = reasons


def rule(reason: str) -> Callable[[Callable[[Owner], bool]], Callable[[Owner], bool]]:
    """Mark a method as a rule: it says whether it holds, `reason` says what it asks for."""

    def mark(check: Callable[[Owner], bool]) -> Callable[[Owner], bool]:
        setattr(check, _REASON, reason)
        return check

    return mark


def check(owner: object) -> None:
    """Raise `Broken` when a rule of the object's class, or of one above it, does not hold."""
    reasons = tuple(reason for name, reason in _rules(type(owner)).items() if not getattr(owner, name)())
    if reasons:
        raise Broken(owner, reasons)


def _rules(kind: type[Any]) -> dict[str, str]:
    """Find rules by their methods' names, so that a class may replace one of its parent's."""
    names = dict.fromkeys(name for each in reversed(kind.__mro__) for name in vars(each))
    found = {name: getattr(getattr(kind, name, None), _REASON, None) for name in names}
    return {name: reason for name, reason in found.items() if reason is not None}
