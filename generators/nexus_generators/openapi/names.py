"""Names out of texts that may hold anything: words first, then each language's own way to write them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

_LONGEST = 80
_MOST = 400
_WORD = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")
_DIGITS = {"+": " plus ", "-": " minus "}
_SIGNS = {
    "=": "equal", "<": "less", ">": "greater", "!": "not", "*": "star", "%": "percent", "&": "and",
    "$": "dollar", "@": "at", "#": "hash", "/": "slash", "|": "or", "~": "tilde", "^": "caret", ".": "dot",
}  # fmt: skip


@lru_cache(maxsize=65536)
def words(text: str) -> tuple[str, ...]:
    """The words of any text in lower case: `getPetByID` is get, pet, by, id. There is always one."""
    short = text[:_MOST]
    plain = unicodedata.normalize("NFKD", short).encode("ascii", "ignore").decode()
    if re.match(r"[+-]\d", plain):
        plain = _DIGITS[plain[0]] + plain[1:]
    found = [word.lower() for word in _WORD.findall(plain)]
    if not found:
        found = [_SIGNS[sign] for sign in plain if sign in _SIGNS][:4]
    if not found:
        found = (
            ["value", hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:6]] if text else ["empty"]
        )
    length, kept = 0, []
    for word in found:
        length += len(word) + 1
        if length > _LONGEST:
            break
        kept.append(word)
    kept = kept or [found[0][:_LONGEST]]
    if len(kept) < len(found) or len(text) > _MOST:  # what was cut off may be all that differs
        kept.append("x" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:6])
    return tuple(kept)


def snake(text: str) -> str:
    """`get_pet_by_id`."""
    return "_".join(words(text))


def pascal(text: str) -> str:
    """`GetPetById`."""
    return "".join(word.capitalize() for word in words(text))


def camel(text: str) -> str:
    """`getPetById`."""
    first, *rest = words(text)
    return first + "".join(word.capitalize() for word in rest)


def kebab(text: str) -> str:
    """`get-pet-by-id`."""
    return "-".join(words(text))


class Names:
    """Hands out names that differ, even for those who do not tell case apart."""

    def __init__(
        self, style: Callable[[str], str], reserved: Collection[str] = (), suffix: str = "_"
    ) -> None:
        self._style = style
        self._reserved = frozenset(reserved)
        self._suffix = suffix
        self._taken: set[str] = set()

    def take(self, text: str, *, prefix: str = "n") -> str:
        """A free name for a text; a number is added to the second one."""
        base = self._style(text)
        if base[0].isdigit():
            base = self._style(f"{prefix} {text}"[:_MOST])
        if base in self._reserved:
            base += self._suffix
        name, number = base, 2
        while name.lower() in self._taken:
            name, number = f"{base}{'_' if base[-1].isdigit() else ''}{number}", number + 1
        self._taken.add(name.lower())
        return name

    def spare(self, texts: Iterable[str]) -> None:
        """Texts whose names are not to be given to anything."""
        self.hold(self._style(text) for text in texts)

    def hold(self, names: Iterable[str]) -> None:
        """Names that are not to be given to anything."""
        self._taken.update(name.lower() for name in names)
