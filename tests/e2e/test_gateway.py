"""The gateway follows the platform: what `up` says is routed is routed, and a running gateway is led over."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Run

PLATFORM = 'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/**/*.yaml, "catalogue:gateway"]\n'


def ask(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_services_come_and_change_behind_a_running_gateway(
    workspace: Path, tiny: Callable[..., None], nexus: Run
) -> None:
    (workspace / "nexus.yaml").write_text(PLATFORM)
    tiny("order", routes=[{"path": "/orders", "auth": "none"}])
    first = nexus("up", "--free-ports")
    assert first.returncode == 0, first.stderr
    assert "gateway: sends requests on" in first.stderr
    units = {unit["name"]: unit for unit in json.loads(nexus("status", "-o", "json").stdout)}
    url = units["gateway"]["url"]
    assert ask(f"{url}/orders") == 200  # at once: `up` has waited until it does
    assert ask(f"{url}/things") == 404

    answers: list[int] = []
    done = threading.Event()

    def keep_asking() -> None:
        while not done.is_set():
            answers.append(ask(f"{url}/orders"))

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        tiny("catalog", routes=[{"path": "/things", "auth": "none"}])
        plan = nexus("plan")
        assert "~ configure gateway  (configuration changed)" in plan.stdout
        assert "? route     gateway  (new: catalog)" in plan.stdout
        second = nexus("up", "--free-ports")
        assert second.returncode == 0, second.stderr
        assert ask(f"{url}/things") == 200
    finally:
        done.set()
        asking.join()
    assert len(answers) > 10
    assert set(answers) == {200}
    after = {unit["name"]: unit for unit in json.loads(nexus("status", "-o", "json").stdout)}
    assert after["gateway"]["pid"] == units["gateway"]["pid"]
