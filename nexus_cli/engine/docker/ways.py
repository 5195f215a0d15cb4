"""Where the ports of a container are reached from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from nexus_cli.unit import HOST


class Ways(Mapping[int, tuple[str, int]]):
    """Where a container's ports are reached from here: as published, else by a way that is opened."""

    def __init__(
        self, published: Mapping[int, tuple[str, int]], ports: Iterable[int], way: Callable[[int], int]
    ) -> None:
        self._published = published
        self._ports = frozenset(ports) | published.keys()
        self._way = way

    def __getitem__(self, port: int) -> tuple[str, int]:
        if port not in self._ports:
            raise KeyError(port)
        return self._published.get(port) or (HOST, self._way(port))

    def __contains__(self, port: object) -> bool:
        return port in self._ports

    def __iter__(self) -> Iterator[int]:
        return iter(self._ports)

    def __len__(self) -> int:
        return len(self._ports)
