"""The short way of `up`: taken only when nothing at all has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.e2e.conftest import processes_of, states

RECORD = ".nexus/development/settled.json"


@pytest.fixture
def settled(shop: Path, nexus: Run) -> Path:
    """A platform that runs, and whose next `up` may go the short way."""
    assert nexus("up", "--free-ports").returncode == 0
    assert nexus("up").returncode == 0
    assert (shop / RECORD).exists()
    return shop


def test_nothing_to_do_is_said_in_the_same_words(settled: Path, nexus: Run) -> None:
    short = nexus("up")
    (settled / RECORD).unlink()
    long = nexus("up")
    assert short.returncode == long.returncode == 0
    assert "up shop/development: nothing to do" in short.stderr

    def without_age(text: str) -> list[list[str]]:
        return [line.split()[:4] for line in text.splitlines()]

    assert without_age(short.stderr) == without_age(long.stderr)
    assert (settled / RECORD).stat().st_mode & 0o777 == 0o600


def test_no_secret_is_noted(settled: Path) -> None:
    text = (settled / RECORD).read_text()
    for values in json.loads((settled / ".nexus/development/credentials.json").read_text()).values():
        for value in values.values():
            assert value not in text


MORE = "nexus: v1\nkind: component\nname: more\nimage: more:1\nhealth: {log: x}\n"


def new_code(root: Path) -> None:
    (root / "services/order/src").mkdir()
    (root / "services/order/src/x.py").touch()


def end_services(root: Path) -> None:
    for process in processes_of(root):
        if "server.py" in " ".join(process.cmdline()):
            process.kill()


CHANGES: dict[str, Callable[[Path], object]] = {
    "code": new_code,
    "blueprint": lambda root: (root / "blueprints/more.yaml").write_text(MORE),
    "a unit that ended": end_services,
    "state": lambda root: (root / ".nexus/development/credentials.json").touch(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_looked_at(settled: Path, nexus: Run, change: str) -> None:
    CHANGES[change](settled)
    done = nexus("up")
    assert done.returncode == 0, done.stderr
    # it has no form that runs without Docker: only the long way knows
    assert ("left out, as they run on Docker only: more" in done.stderr) == (change == "blueprint")
    assert ("order: restarting: changed: code" in done.stderr) == (change == "code")
    assert set(states(nexus).values()) == {"ready"}


def test_what_is_described_no_more_can_be_stopped_alone(settled: Path, nexus: Run) -> None:
    (settled / "blueprints/order.yaml").unlink()
    done = nexus("down", "--orphans")
    assert done.returncode == 0, done.stderr
    assert "order: stopped" in done.stderr
    assert states(nexus) == {"redis": "ready", "catalog": "ready"}


def test_an_engine_in_use_is_not_left_for_another(settled: Path, nexus: Run) -> None:
    done = nexus("up", "--engine", "docker")
    assert done.returncode == 2
    assert "shop/development runs on processes of this machine, not on docker" in done.stderr
    assert nexus("up", "--engine", "podman").returncode == 2


def test_build_makes_ready_and_starts_nothing(shop: Path, nexus: Run) -> None:
    done = nexus("build")
    assert done.returncode == 0, done.stderr
    assert set(states(nexus).values()) == {"down"}
    assert "nothing to do" in nexus("build").stderr
    assert "prepare" not in nexus("plan").stdout
