"""Experiments as they are written, and when a state is steady."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.load import BlueprintFault, load
from nexus_cli.stack.stack import assemble
from nexus_cli.testing.chaos import run, steady
from nexus_cli.testing.chaos.experiment import trials
from nexus_cli.testing.run import Asked
from nexus_cli.testing.stand import Stand
from nexus_cli.workspace import find
from tests.conftest import service

GOOD = "nexus: v1\nkind: experiment\nname: {}\n{}\n"


@pytest.fixture
def shop(workspace: Path, write: Callable[[str, str], Path]) -> Path:
    write("catalog", service("catalog", 8301, uses="[redis]"))
    more = {"uses": "[cache, catalog]", "routes": "[{path: /o}]", "scale": "{replicas: 2}"}
    write("order", service("order", 8302, **more))
    (workspace / "tests" / "chaos").mkdir(parents=True)
    return workspace


def _write(shop: Path, name: str, text: str) -> None:
    (shop / "tests" / "chaos" / f"{name}.yaml").write_text(GOOD.format(name, text))


def test_an_experiment_has_targets_and_connections(shop: Path) -> None:
    _write(shop, "a-stop", "action: stop\neach: components")
    _write(shop, "b-kill", "action: kill\neach: services")
    _write(shop, "c-far", "action: delay\nby: 200ms\ntarget: cache")
    _write(shop, "d-cut", "action: partition\nfrom: gateway\ntarget: order")
    _write(shop, "e-busy", "action: cpu\ncores: 1")
    platform = load(shop)
    found = trials(platform, shop)
    assert [(t.name, t.target, t.line) for t in found] == [
        ("a-stop (redis)", "redis", 3),  # what nobody uses is left alone, and so is the gateway
        ("b-kill (catalog)", "catalog", 3),
        ("b-kill (order)", "order", 3),
        ("c-far", "redis", 3),
        ("d-cut", "order", 3),
        ("e-busy", "machine", 3),
    ]
    edges = [trial.edges(platform, Bindings()) for trial in found]
    assert edges[3] == [("catalog", "redis"), ("order", "redis")]
    assert edges[4] == [("gateway", "order"), ("gateway", "order.2")]
    assert not any(edges[n] for n in (0, 1, 2, 5))


def test_a_copy_of_a_part_is_disturbed_and_mended_alone(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(shop, "a-stop", "action: stop\neach: components")
    _write(shop, "b-kill", "action: kill\neach: services")
    _write(shop, "c-busy", "action: cpu\ncores: 1")
    place = find(shop)
    platform, stack = load(shop), assemble(place)
    part = Stand(stack, stack.subset(["catalog"]))
    wanted = run.reached(trials(platform, shop), part.units)
    assert [trial.target for trial in wanted] == ["redis", "catalog", "machine"]
    started: list[str] = []
    monkeypatch.setattr(
        run.actions, "start", lambda _, units, **__: started.extend(unit.name for unit in units)
    )
    run._mend(part, Asked(place, platform, shop / "results"))
    assert started == ["catalog"]  # and not order, which would wait for what this copy has not


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("action: explode\ntarget: redis", "4:9", "expected 'kill', 'pause'"),
        ("action: stop\ntarget: reddis", "5:9", 'unknown service or component "reddis"'),
        ("action: delay\ntarget: redis", "1:1", "delay needs `by`"),
        ("action: stop\ntarget: redis\nby: 3s", "1:1", "stop has no `by`"),
        ("action: stop", "1:1", "give either `target` or `each`"),
        ("action: stop\ntarget: redis\nfor: soon", "6:6", "expected a duration"),
        ("action: stop\ntarget: redis\nfors: 3s", "6:1", 'unknown key "fors"'),
        ("action: loss\ntarget: catalog\nfrom: gateway\npercent: 3", "6:7", "gateway does not use catalog"),
        ("action: loss\ntarget: redis\npercent: 300", "6:10", "less than or equal to 100"),
    ],
)
def test_a_fault_of_an_experiment_has_its_place(shop: Path, text: str, where: str, message: str) -> None:
    _write(shop, "one", text)
    with pytest.raises(BlueprintFault) as fault:
        trials(load(shop), shop)
    assert f"tests/chaos/one.yaml:{where}: " in str(fault.value)
    assert message in str(fault.value)


class Patient:
    """Something that is asked, and can be ill."""

    def __init__(self) -> None:
        self.ill = threading.Event()

    def ask(self) -> str:
        return "503 Service Unavailable" if self.ill.is_set() else ""


def test_a_state_is_steady_once_nothing_fails_for_a_while() -> None:
    patient = Patient()
    with steady.Watch([steady.Probe("it", patient.ask, 99.9, 0.2)]) as watch:
        begin = time.monotonic()
        start, _ = watch.steady_since(begin, 0.7, 5)
        assert start == begin
        patient.ill.set()
        ill = time.monotonic()
        start, seen = watch.steady_since(ill, 0.7, 0.5)
        assert start is None
        assert "503 Service Unavailable" in steady.worst(seen)[0]
        threading.Timer(0.5, patient.ill.clear).start()
        again = time.monotonic()
        start, _ = watch.steady_since(again, 0.7, 5)
        assert start is not None
        assert 0.3 < start - again < 1.5
        (during,) = watch.between(ill, again)
        assert during.availability == 0
        assert during.broken(50.0, None).startswith("it: ")


class BreaksOff(socketserver.BaseRequestHandler):
    """Sends the first of its answers by half, and all others whole."""

    answers = 0

    def handle(self) -> None:
        self.request.recv(4096)
        BreaksOff.answers += 1
        body = b"he" if BreaksOff.answers == 1 else b"hello"
        self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n" + body)


def test_an_answer_that_breaks_off_is_a_fault_and_not_the_last_that_is_seen() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), BreaksOff) as server, ExitStack() as end:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        end.callback(server.shutdown)
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        with steady.Watch([steady.Probe("it", partial(steady.request, url, ""), 99.9)]) as watch:
            begin = time.monotonic()
            start, _ = watch.steady_since(begin, 0.7, 5)
            assert start is not None
            (seen,) = watch.between(begin - 1, time.monotonic())
    first, *others = [answer.fault for answer in seen.answers]
    assert "IncompleteRead" in first
    assert not any(others)


def test_what_hangs_counts_for_as_long_as_it_hangs() -> None:
    probe = steady.Probe("it", lambda: "", 100)
    answers = [*(steady.Answer(n * 0.15, 0.01) for n in range(10)), steady.Answer(1.5, 1.5, "timed out")]
    assert steady.Seen(probe, answers).availability == pytest.approx(50)
    late = [steady.Answer(0, 0.5)] * 5
    assert steady.Seen(probe, late).broken(None, 0.2) == "it: p95 500 ms, promised are 200 ms"
