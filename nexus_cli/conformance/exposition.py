"""Metrics as Prometheus reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nexus_cli.conformance.clause import expect, require
from nexus_cli.conformance.service import Service

_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?')
_NUMBER = r"(?i:nan)|[-+]?(?:Inf|[0-9.eE+-]+)"
_SAMPLE = re.compile(rf"([a-zA-Z_:][\w:]*)(?:\{{((?:{_LABEL.pattern})*)\}})? ({_NUMBER})(?: \d+)?")


@dataclass(frozen=True, slots=True)
class Sample:
    """A value at the time of the scrape."""

    name: str
    labels: Mapping[str, str]
    value: float


def scrape(service: Service) -> list[Sample]:
    """What the service tells Prometheus."""
    answer = service.get("/metrics")
    expect("the status of GET /metrics", answer.status, 200)
    kind = answer.headers["content-type"]
    require("the type of metrics is text", kind.startswith("text/plain"), kind)
    return list(_samples(answer.body.decode()))


def count(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum over the samples that have these labels."""
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def _samples(text: str) -> Iterator[Sample]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = _SAMPLE.fullmatch(line)
            require("a line is Prometheus text", match, line)
            if match:
                labels = {found[1]: found[2] for found in _LABEL.finditer(match[2] or "")}
                yield Sample(match[1], labels, float(match[5]))
