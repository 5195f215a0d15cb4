"""The map of a platform: which service needs what, and which events flow; in several forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.model import Platform


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow of the map; `label` is an event's name, or empty for a use."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn of a platform: nodes and arrows, and the columns of the nodes from right to left."""

    title: str
    services: Sequence[str]
    components: Sequence[str]
    uses: Sequence[Edge]
    events: Sequence[Edge]
    levels: Sequence[Sequence[str]]


def draw(platform: Platform, form: str, view: str = "all") -> str:
    """The platform in one of the forms of `FORMS`, seen as one of `VIEWS`."""
    if form == "html":
        from nexus_generators.docs import map_page

        return map_page(platform)
    if (form, view) == ("svg", "events"):
        return _event_flow(platform)
    wanted = VIEWS[view]
    drawn = [edge for edge in uses(platform) if wanted(platform, edge)]
    flowing = [edge for edge in events(platform) if wanted(platform, edge)]
    ends = {name for edge in (*drawn, *flowing) for name in (edge.source, edge.target)}
    names = ends if view != "all" else {*platform.services, *platform.components}
    edges = {name: tuple(e.target for e in drawn if e.source == name) for name in sorted(names)}
    return FORMS[form](
        Drawing(
            platform.name,
            [name for name in platform.services if name in names],
            [name for name in platform.components if name in names],
            drawn,
            flowing,
            graph.levels(edges),
        )
    )


def uses(platform: Platform) -> list[Edge]:
    """An arrow from each service to what it uses."""
    edges = graph.dependencies(platform)
    return [Edge(name, target) for name, targets in sorted(edges.items()) for target in targets]


def events(platform: Platform) -> list[Edge]:
    """An arrow for each event from its publishers to its consumers."""
    consumers: dict[str, list[str]] = {}
    for service in platform.services.values():
        for event in service.events.consumes:
            consumers.setdefault(event, []).append(service.name)
    return [
        Edge(service.name, target, event)
        for service in platform.services.values()
        for event in service.events.publishes
        for target in consumers.get(event, [])
    ]


def _text(drawing: Drawing) -> str:
    lines = []
    for level in reversed(drawing.levels):
        for name in level:
            targets = [edge.target for edge in drawing.uses if edge.source == name]
            if targets or not drawing.events or drawing.uses:
                lines.append(f"{name} -> {', '.join(targets)}" if targets else name)
    lines.extend(f"{edge.source} ~ {edge.label} ~> {edge.target}" for edge in drawing.events)
    return "\n".join(lines) + "\n"


def _mermaid(drawing: Drawing) -> str:
    lines = ["graph LR"]
    lines.extend(f'  {_id(name)}["{name}"]' for name in drawing.services)
    lines.extend(f'  {_id(name)}[("{name}")]' for name in drawing.components)
    lines.extend(f"  {_id(edge.source)} --> {_id(edge.target)}" for edge in drawing.uses)
    lines.extend(f'  {_id(edge.source)} -. "{edge.label}" .-> {_id(edge.target)}' for edge in drawing.events)
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    return f"n_{name.replace('-', '_')}"  # prefixed: `end` and other words have a meaning in Mermaid


_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 150, 44, 90, 26, 24


def _svg(drawing: Drawing) -> str:
    """Columns from the services that nobody needs (left) to what everybody needs (right)."""
    columns = list(reversed(drawing.levels))
    tallest = max((len(column) for column in columns), default=0)
    step = _WIDTH + min(5 * _GAP_X, max(_GAP_X, len(drawing.uses)))  # many lines need room to turn in
    places: dict[str, tuple[int, int]] = {}
    for x, column in enumerate(columns):
        room = tallest * (_HEIGHT + _GAP_Y) / len(column)
        for y, name in enumerate(column):
            places[name] = (_MARGIN + x * step, _MARGIN + round((y + 0.5) * room - _HEIGHT / 2))
    width = 2 * _MARGIN + _WIDTH + max(0, len(columns) - 1) * step
    height = 2 * _MARGIN + max(1, tallest) * (_HEIGHT + _GAP_Y)
    return "\n".join([*_svg_head(drawing.title, width, height), *_svg_body(drawing, places), "</svg>"]) + "\n"


def _svg_head(name: str, width: int, height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" font-family="system-ui, sans-serif" font-size="13">'
    )
    yield f"<title>{escape(name)}: service map</title>"
    yield (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
        ' orient="auto"><path d="M0 0 8 4 0 8z" fill="#64748b"/></marker></defs>'
    )
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'


def _svg_body(drawing: Drawing, places: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    for edge in drawing.uses:
        (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
        yield _line(x1 + _WIDTH, y1 + _HEIGHT // 2, x2, y2 + _HEIGHT // 2)
    for edge in drawing.events:
        (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
        a, b = (x1 + _WIDTH // 2, y1 + _HEIGHT), (x2 + _WIDTH // 2, y2 + _HEIGHT)
        low = max(a[1], b[1]) + 18
        yield (
            f'<path d="M{a[0]} {a[1]} C{a[0]} {low} {b[0]} {low} {b[0]} {b[1]}" fill="none" stroke="#d97706"'
            f' stroke-dasharray="4 3" marker-end="url(#arrow)"><title>{escape(edge.label)}</title></path>'
        )
    for name, (x, y) in places.items():
        yield _shape(name, (x, y, _WIDTH, _HEIGHT), service=name in drawing.services)


def _line(x1: int, y1: int, x2: int, y2: int) -> str:
    bend = max(30, (x2 - x1) // 2)
    return (
        f'<path d="M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"'
        ' fill="none" stroke="#64748b" marker-end="url(#arrow)"/>'
    )


def _shape(name: str, place: tuple[int, int, int, int], *, service: bool) -> str:
    """A name in a frame; `place` is x, y, width and height."""
    x, y, width, height = place
    fill, stroke, roundness = ("#eff6ff", "#2563eb", 5) if service else ("#f1f5f9", "#64748b", 2)
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{height // roundness}"'
        f' fill="{fill}" stroke="{stroke}"/>'
        f'<text x="{x + width // 2}" y="{y + height // 2 + 5}" text-anchor="middle"'
        f' fill="#0f172a">{escape(name)}</text>'
    )


_ROW, _PILL, _LETTER, _ABREAST = 30, 22, 8, 760


def _event_flow(platform: Platform) -> str:
    """Who publishes on the left, what in the middle, and at the end of each line who consumes it.

    No line crosses another, however many there are: a consumer's name stands wherever it consumes.
    """
    heard: dict[str, dict[str, list[str]]] = {}
    for edge in events(platform):
        heard.setdefault(edge.source, {}).setdefault(edge.label, []).append(edge.target)
    longest = max((len(label) for flows in heard.values() for label in flows), default=0)
    middle = _MARGIN + _WIDTH + _GAP_X
    right = middle + longest * _LETTER + _PILL + _GAP_X // 2
    y, widest, lines = _MARGIN, right, list[str]()
    for publisher, flows in heard.items():
        top = y
        for label, consumers in flows.items():
            centre = y + _ROW // 2
            lines.append(_line(_MARGIN + _WIDTH, top + _HEIGHT // 2, middle, centre))
            lines.append(_pill(label, middle, y, service=False))
            lines.append(_line(middle + len(label) * _LETTER + _PILL, centre, right, centre))
            x = right
            for consumer in consumers:
                if x > right + _ABREAST:
                    x, y = right, y + _ROW
                lines.append(_pill(consumer, x, y, service=True))
                x += len(consumer) * _LETTER + _PILL + 6
                widest = max(widest, x)
            y += _ROW
        lines.append(_shape(publisher, (_MARGIN, top, _WIDTH, _HEIGHT), service=True))
        y = max(y, top + _HEIGHT) + _GAP_Y // 2
    return "\n".join([*_svg_head(platform.name, widest + _MARGIN, y + _MARGIN), *lines, "</svg>"]) + "\n"


def _pill(name: str, x: int, y: int, *, service: bool) -> str:
    width, top = len(name) * _LETTER + _PILL, y + (_ROW - _PILL) // 2
    return _shape(name, (x, top, width, _PILL), service=service)


def _json(drawing: Drawing) -> str:
    nodes = [{"name": name, "kind": "service"} for name in drawing.services]
    nodes += [{"name": name, "kind": "component"} for name in drawing.components]
    arrows = [
        {"from": e.source, "to": e.target, "event": e.label or None} for e in (*drawing.uses, *drawing.events)
    ]
    return json.dumps({"nodes": nodes, "edges": arrows}, indent=2) + "\n"


FORMS: Mapping[str, Callable[[Drawing], str]] = {
    "text": _text,
    "mermaid": _mermaid,
    "svg": _svg,
    "json": _json,
}

VIEWS: Mapping[str, Callable[[Platform, Edge], bool]] = {
    "all": lambda _, __: True,
    "services": lambda platform, edge: not edge.label and edge.target in platform.services,
    "data": lambda platform, edge: not edge.label and edge.target in platform.components,
    "events": lambda _, edge: bool(edge.label),
}
"""What may be looked at: who calls whom, who keeps data and sends messages where, who hears of what."""
