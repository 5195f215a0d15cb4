"""Telling a team: a real server on this machine that takes, refuses, is silent or is not there."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nexus_cli.blueprint.model import Environment
from nexus_cli.events import Note
from nexus_cli.release.notify import notify, told

SECRET = "T0K3N"


class Hook:
    """A web hook that keeps what it is told."""

    def __init__(self, status: int) -> None:
        self.bodies: list[dict[str, str]] = []
        bodies = self.bodies

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/{SECRET}"


@pytest.fixture
def hook(request: pytest.FixtureRequest) -> Iterator[Hook]:
    found = Hook(getattr(request, "param", 200))
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def estate(folder: Path, **rules: object) -> Any:
    described = Environment(nexus="v1", name="staging", **{"notify": "TEAM_HOOK", **rules})
    return SimpleNamespace(described=described, folder=folder, name="staging", title="shop/staging")


def warned(place: Any, monkeypatch: pytest.MonkeyPatch, url: str | None) -> str:
    monkeypatch.delenv("TEAM_HOOK", raising=False)
    if url is not None:
        monkeypatch.setenv("TEAM_HOOK", url)
    notes: list[Note] = []
    notify(place, "deployed", notes.append)
    assert all(note.level == "warning" for note in notes)
    text = " ".join(f"{note.message} {note.hint}" for note in notes)
    assert SECRET not in text
    return text


def test_the_team_is_told(hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert warned(estate(tmp_path), monkeypatch, hook.url) == ""
    assert hook.bodies == [{"text": "deployed"}]


def test_an_environment_without_a_hook_tells_nobody(
    hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warned(estate(tmp_path, notify=None), monkeypatch, hook.url) == ""
    assert hook.bodies == []


def test_an_address_is_never_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = estate(tmp_path, secrets={"provider": "generated"})
    assert "has no value" in warned(place, monkeypatch, None)


@pytest.mark.parametrize("hook", [404], indirect=True)
def test_a_hook_that_refuses_is_a_warning(
    hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "answered 404" in warned(estate(tmp_path), monkeypatch, hook.url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"ftp://127.0.0.1/{SECRET}", "is no address"),
        (SECRET, "is no address"),
        (f"http://127.0.0.1:{SECRET}/", "does not answer: InvalidURL"),
        (f"http://[{SECRET}/", "does not answer: ValueError"),
        (f"http://127.0.0.1/{SECRET}\n", "does not answer"),
    ],
)
def test_what_is_no_address_is_said_without_it(
    url: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert says in warned(estate(tmp_path), monkeypatch, url)


def test_a_hook_that_is_not_there_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/{SECRET}"
        assert "Connection refused" in warned(estate(tmp_path), monkeypatch, url)


def test_what_is_said_holds_the_rules_that_were_broken_and_no_markup_of_others(tmp_path: Path) -> None:
    intent: Any = SimpleNamespace(
        action="deploy",
        version="v2",
        services=("order",),
        reason="<!channel> & more",
        estate=estate(tmp_path),
    )
    result: Any = SimpleNamespace(outcome="rolled-back", seconds=3.21, why="it is slow")
    assert told(intent, result, ("a freeze",), "ada").splitlines() == [
        "\u274c *deploy* v2 (order) in *shop/staging*: rolled-back after 3.2 s, by ada",
        "reason: &lt;!channel&gt; &amp; more",
        "why: it is slow",
        "in spite of: a freeze",
    ]
