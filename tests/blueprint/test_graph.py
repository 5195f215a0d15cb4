"""Order, closure and cycles."""

from __future__ import annotations

from nexus_cli.blueprint import graph

EDGES = {"web": ("api",), "api": ("db", "cache"), "jobs": ("db",), "db": (), "cache": ()}


def test_levels_need_only_earlier_ones() -> None:
    assert graph.levels(EDGES) == [["cache", "db"], ["api", "jobs"], ["web"]]


def test_closure_and_dependants() -> None:
    assert graph.closure(EDGES, ["api"]) == {"api", "db", "cache"}
    assert graph.dependants(EDGES, "db") == {"api", "jobs", "web"}


def test_cycles_are_named_once_each() -> None:
    assert graph.cycles(EDGES) == []
    knots = {"a": ("b",), "b": ("c",), "c": ("a",), "x": ("x",), "y": ("a",)}
    assert graph.cycles(knots) == [["a", "b", "c"], ["x"]]


def test_a_deep_chain_is_no_problem() -> None:
    chain = {f"n{i}": (f"n{i + 1}",) for i in range(5000)} | {"n5000": ()}
    assert len(graph.levels(chain)) == 5001
