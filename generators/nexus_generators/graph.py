"""The service map: which service needs what, and which events flow; as text, Mermaid, SVG or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
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


def draw(platform: Platform, form: str) -> str:
    """The map in one of the forms of `FORMS`."""
    return FORMS[form](platform)


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


def _text(platform: Platform) -> str:
    lines = []
    for level in reversed(graph.levels(graph.dependencies(platform))):
        for name in level:
            targets = [edge.target for edge in uses(platform) if edge.source == name]
            lines.append(f"{name} -> {', '.join(targets)}" if targets else name)
    lines.extend(f"{edge.source} ~ {edge.label} ~> {edge.target}" for edge in events(platform))
    return "\n".join(lines) + "\n"


def _mermaid(platform: Platform) -> str:
    lines = ["graph LR"]
    lines.extend(f'  {_id(name)}["{name}"]' for name in platform.services)
    lines.extend(f'  {_id(name)}[("{name}")]' for name in platform.components)
    lines.extend(f"  {_id(edge.source)} --> {_id(edge.target)}" for edge in uses(platform))
    lines.extend(
        f'  {_id(edge.source)} -. "{edge.label}" .-> {_id(edge.target)}' for edge in events(platform)
    )
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    return f"n_{name.replace('-', '_')}"  # prefixed: `end` and other words have a meaning in Mermaid


_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 150, 44, 90, 26, 24


def _svg(platform: Platform) -> str:
    """Columns from the services that nobody needs (left) to what everybody needs (right)."""
    columns = list(reversed(graph.levels(graph.dependencies(platform))))
    tallest = max((len(column) for column in columns), default=0)
    places: dict[str, tuple[int, int]] = {}
    for x, column in enumerate(columns):
        shift = (tallest - len(column)) * (_HEIGHT + _GAP_Y) // 2
        for y, name in enumerate(column):
            places[name] = (_MARGIN + x * (_WIDTH + _GAP_X), _MARGIN + shift + y * (_HEIGHT + _GAP_Y))
    width = 2 * _MARGIN + max(1, len(columns)) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + max(1, tallest) * (_HEIGHT + _GAP_Y) - _GAP_Y
    return (
        "\n".join([*_svg_head(platform.name, width, height), *_svg_body(platform, places), "</svg>"]) + "\n"
    )


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


def _svg_body(platform: Platform, places: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    for edge in uses(platform):
        (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
        start, end = (x1 + _WIDTH, y1 + _HEIGHT // 2), (x2, y2 + _HEIGHT // 2)
        bend = max(30, (end[0] - start[0]) // 2)
        yield (
            f'<path d="M{start[0]} {start[1]} C{start[0] + bend} {start[1]} {end[0] - bend} {end[1]}'
            f' {end[0]} {end[1]}" fill="none" stroke="#64748b" marker-end="url(#arrow)"/>'
        )
    for edge in events(platform):
        (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
        a, b = (x1 + _WIDTH // 2, y1 + _HEIGHT), (x2 + _WIDTH // 2, y2 + _HEIGHT)
        low = max(a[1], b[1]) + 18
        yield (
            f'<path d="M{a[0]} {a[1]} C{a[0]} {low} {b[0]} {low} {b[0]} {b[1]}" fill="none" stroke="#d97706"'
            f' stroke-dasharray="4 3" marker-end="url(#arrow)"><title>{escape(edge.label)}</title></path>'
        )
    for name, (x, y) in places.items():
        service = name in platform.services
        fill, stroke = ("#eff6ff", "#2563eb") if service else ("#f1f5f9", "#64748b")
        yield (
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{8 if service else 20}"'
            f' fill="{fill}" stroke="{stroke}"/>'
        )
        yield (
            f'<text x="{x + _WIDTH // 2}" y="{y + _HEIGHT // 2 + 5}" text-anchor="middle"'
            f' fill="#0f172a">{escape(name)}</text>'
        )


def _json(platform: Platform) -> str:
    nodes = [{"name": name, "kind": "service"} for name in platform.services]
    nodes += [{"name": name, "kind": "component"} for name in platform.components]
    arrows = [
        {"from": e.source, "to": e.target, "event": e.label or None}
        for e in (*uses(platform), *events(platform))
    ]
    return json.dumps({"nodes": nodes, "edges": arrows}, indent=2) + "\n"


FORMS: Mapping[str, Callable[[Platform], str]] = {
    "text": _text,
    "mermaid": _mermaid,
    "svg": _svg,
    "json": _json,
}
