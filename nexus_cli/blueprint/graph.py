"""Dependencies between services and components: who needs whom, in which order, and cycles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nexus_cli.blueprint.model import Platform


def dependencies(platform: Platform, *, optional: bool = True) -> dict[str, tuple[str, ...]]:
    """Each service's and component's direct dependencies by their own names; unknown ones are left out."""
    edges: dict[str, tuple[str, ...]] = {}
    for unit in platform.units:
        found = (platform.resolve(use.service) for use in unit.uses if optional or not use.optional)
        edges[unit.name] = tuple(dict.fromkeys(target.name for target in found if target is not None))
    return edges


def closure(edges: Mapping[str, Sequence[str]], names: Iterable[str]) -> set[str]:
    """The named ones and everything that they need, directly or not."""
    reached: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend(edges.get(name, ()))
    return reached


def dependants(edges: Mapping[str, Sequence[str]], name: str) -> set[str]:
    """Everything that needs `name`, directly or not."""
    reverse: dict[str, list[str]] = {}
    for source, targets in edges.items():
        for target in targets:
            reverse.setdefault(target, []).append(source)
    return closure(reverse, [name]) - {name}


def levels(edges: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Names by depth: each level needs only earlier ones. Names in a cycle are left out."""
    users: dict[str, list[str]] = {name: [] for name in edges}
    open_needs = dict.fromkeys(edges, 0)
    for name, targets in edges.items():
        for target in {target for target in targets if target in edges}:
            users[target].append(name)
            open_needs[name] += 1
    result: list[list[str]] = []
    level = sorted(name for name, count in open_needs.items() if count == 0)
    while level:
        result.append(level)
        following = []
        for name in level:
            for user in users[name]:
                open_needs[user] -= 1
                if open_needs[user] == 0:
                    following.append(user)
        level = sorted(following)
    return result


def cycles(edges: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """One cycle for each knot of names that need one another, each starting at its smallest name."""
    in_levels = {name for level in levels(edges) for name in level}
    remaining = {
        name: [t for t in targets if t in edges and t not in in_levels] for name, targets in edges.items()
    }
    seen: set[str] = set(in_levels)
    found = []
    for start in sorted(remaining):
        trail: dict[str, None] = {}
        name: str | None = start
        while name is not None and name not in seen:
            seen.add(name)
            trail[name] = None
            name = next(
                (t for t in remaining[name] if t not in in_levels and (t in trail or t not in seen)), None
            )
            if name is not None and name in trail:
                path = list(trail)
                cycle = path[path.index(name) :]
                smallest = cycle.index(min(cycle))
                found.append(cycle[smallest:] + cycle[:smallest])
    return found
