"""Secrets that a compose file holds in clear: they become names, and their values leave the blueprints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from nexus_cli.blueprint.linting.services import looks_secret

_TELLING = re.compile(r"(?=.*[^A-Za-z]).{8,}|.{24,}", re.DOTALL)
"""A value that is the secret wherever it stands: `postgres` may mean anything, `s3cr3t-pass` does not."""
_HARMLESS = {"true", "false", "yes", "no", "on", "off", "0", "1", "none", "null"}


class Secrets:
    """The values by the names that they were given; `stored` are those that the workspace has already."""

    def __init__(self, stored: Mapping[str, str]) -> None:
        self.stored = stored
        self.values: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def learn(self, owner: str, variables: Iterable[tuple[str, str]]) -> None:
        """Take note of those variables that look like secrets; `owner` tells apart two of one name."""
        for variable, value in variables:
            if not looks_secret(variable.upper()) or not value or value.lower() in _HARMLESS:
                continue
            if value.startswith("/") or value in self._names:
                continue
            name = self._free(variable, owner, value)
            self.values[name] = value
            self._names[value] = name

    def _free(self, variable: str, owner: str, value: str) -> str:
        own = re.sub(r"[^A-Z0-9]+", "_", variable.upper())
        longer = re.sub(r"[^A-Z0-9]+", "_", f"{owner}_{variable}".upper())
        known = {**self.stored, **self.values}
        candidates = [own, longer, *(f"{longer}_{number}" for number in range(2, 1000))]
        return next(name for name in candidates if known.get(name, value) == value)

    def written(self, text: str, variable: str = "") -> tuple[str, list[str]]:
        """The text as a blueprint writes it, `${secrets.NAME}` for each secret; and the names in it.

        `variable` is the one whose value the text is: a short secret is only recognised there, or as the
        password of an address.
        """
        if text in self._names and (looks_secret(variable.upper()) or _TELLING.fullmatch(text)):
            return f"${{secrets.{self._names[text]}}}", [self._names[text]]
        found: list[str] = []
        parts: list[str] = []
        at = 0
        for match in self._occurrences(text):
            name = self._names[match[1] or match[2]]
            start = match.start(1) if match[1] else match.start(2)
            parts += [escaped(text[at:start] + "$")[:-1], f"${{secrets.{name}}}"]
            at = start + len(match[1] or match[2])
            found.append(name)
        return "".join([*parts, escaped(text[at:])]), found

    def _occurrences(self, text: str) -> Iterable[re.Match[str]]:
        values = sorted(self._names, key=len, reverse=True)
        if not any(value in text for value in values):
            return ()
        words = "|".join(map(re.escape, values))
        telling = "|".join(re.escape(value) for value in values if _TELLING.fullmatch(value)) or r"(?!)"
        return re.finditer(rf"(?<=:)({words})(?=@)|({telling})", text)


def escaped(text: str) -> str:
    """A text that a blueprint reads as exactly this, with no reference in it."""
    return re.sub(r"\$(?=[${])", "$$", text)
