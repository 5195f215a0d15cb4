"""Without Docker, what runs on Docker only is left out where nothing needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nexus_cli.blueprint.bind import Bindings, service_environment
from nexus_cli.blueprint.load import load
from nexus_cli.errors import UsageError
from nexus_cli.stack.forms import without_containers
from tests.conftest import service

Write = Callable[[str, str], Path]
VAULT = "nexus: v1\nkind: component\nname: store\nimage: x:1\nhealth: {log: x}\nprovides: {STORE_URL: x}\n"
SHOWN = "nexus: v1\nkind: component\nname: view\nimage: x:1\nhealth: {log: x}\nuses: [store]\n"


def test_what_a_service_can_do_without_is_left_out_with_its_variables(workspace: Path, write: Write) -> None:
    write("store", VAULT)
    write("view", SHOWN)
    write("a", service("a", 3001, uses="[redis, {service: store, optional: true}]"))
    platform = load(workspace)
    left, names = without_containers(platform)
    assert names == ("store", "view")
    assert set(left.components) == {"postgres", "redis", "nats", "gateway"}
    assert "STORE_URL" in service_environment(platform, platform.services["a"], Bindings())
    assert "STORE_URL" not in service_environment(left, left.services["a"], Bindings())


def test_what_a_service_needs_is_a_fault_that_names_both(workspace: Path, write: Write) -> None:
    write("store", VAULT)
    write("a", service("a", 3001, uses="[store]"))
    with pytest.raises(UsageError, match='"store" runs on Docker only, and a cannot do without it') as fault:
        without_containers(load(workspace))
    assert "optional" in (fault.value.hint or "")
