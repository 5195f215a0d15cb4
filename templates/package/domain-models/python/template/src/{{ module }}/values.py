"""Values: equal by what they hold, never changed, and sound from the moment that they are made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import total_ordering
from typing import TYPE_CHECKING

from .rules import check, rule

if TYPE_CHECKING:
    from datetime import datetime, timedelta

_CURRENCY = re.compile(r"[A-Z]{3}")
_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;.]+(\.[^\s@<>,;.]+)+")
_DECIMALS = {"BHD": 3, "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "KWD": 3, "TND": 3, "VND": 0}
_USUAL = 2


@dataclass(frozen=True)
class Value:
    """What a value derives from; its rules are checked when it is made."""

    def __post_init__(self) -> None:
        """Check the rules."""
        check(self)


@total_ordering
@dataclass(frozen=True)
class Money(Value):
    """An exact amount in the smallest unit of a currency, so that nothing is lost by rounding."""

    units: int
    currency: str

    @classmethod
    def of(cls, amount: str | Decimal | int, currency: str) -> Money:
        """Take an amount as people write it; one with more decimals than the currency has is refused."""
        scaled = Decimal(amount).scaleb(_DECIMALS.get(currency, _USUAL))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{currency} has no such fraction: {amount}")
        return cls(int(scaled), currency)

    @rule("a currency has three capital letters")
    def _currency(self) -> bool:
        return _CURRENCY.fullmatch(self.currency) is not None

    @property
    def amount(self) -> Decimal:
        """The amount as people write it."""
        return Decimal(self.units).scaleb(-_DECIMALS.get(self.currency, _USUAL))

    def times(self, factor: Decimal | int) -> Money:
        """Multiply; half a unit goes to the even neighbour, as banks have it."""
        units = (Decimal(self.units) * factor).to_integral_value(ROUND_HALF_EVEN)
        return Money(int(units), self.currency)

    def split(self, parts: int) -> list[Money]:
        """Divide without losing anything: the first parts have a unit more if need be."""
        if parts < 1:
            raise ValueError("there is at least one part")
        each, left = divmod(self.units, parts)
        return [Money(each + (number < left), self.currency) for number in range(parts)]

    def __add__(self, other: Money) -> Money:
        return Money(self.units + self._same(other).units, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.units - self._same(other).units, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.units, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.units < self._same(other).units

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other


@dataclass(frozen=True)
class Quantity(Value):
    """How many there are of something, none at least."""

    number: int

    @rule("a quantity is not negative")
    def _enough(self) -> bool:
        return self.number >= 0

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.number + other.number)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.number - other.number)


@dataclass(frozen=True)
class Email(Value):
    """One address of e-mail."""

    address: str

    @rule("an address has a name and a domain")
    def _written(self) -> bool:
        return _EMAIL.fullmatch(self.address) is not None

    @property
    def normal(self) -> str:
        """The address as it is compared: case does not count in the domain."""
        name, _, domain = self.address.rpartition("@")
        return f"{name}@{domain.lower()}"


@dataclass(frozen=True)
class Period(Value):
    """From one moment up to another, which is no part of it."""

    start: datetime
    end: datetime

    @rule("both moments have a time zone")
    def _zoned(self) -> bool:
        return self.start.tzinfo is not None and self.end.tzinfo is not None

    @rule("a period ends after it starts")
    def _forward(self) -> bool:
        return (self.start.tzinfo is None) != (self.end.tzinfo is None) or self.start < self.end

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def overlaps(self, other: Period) -> bool:
        """Whether both have a moment in common."""
        return self.start < other.end and other.start < self.end
