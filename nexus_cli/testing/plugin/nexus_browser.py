"""Lets pytest-playwright drive the browser that `nexus test` has found; says where it keeps what it saw."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser, tests of pages are not run; the others are."""
    why = os.environ.get("NEXUS_NO_BROWSER")
    for item in items if why else ():
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=f"not run: {why}"))


class Browser:
    """Fixtures that stand above those of pytest-playwright with the same names."""

    @pytest.fixture(scope="session")
    def browser_type_launch_args(self, browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
        """Which browser is started: the installed one."""
        program = os.environ.get("NEXUS_BROWSER")
        return {**browser_type_launch_args, **({"executable_path": program} if program else {})}

    @pytest.fixture(scope="session")
    def base_url(self, gateway_url: str) -> str:
        """Where `page.goto("/")` leads, unless a test says otherwise."""
        return gateway_url

    @pytest.fixture(scope="session")
    def browser_context_args(self, browser_context_args: dict[str, Any]) -> dict[str, Any]:
        """Pages as a person of the same language everywhere sees them."""
        return {"locale": "en-GB", "timezone_id": "UTC", **browser_context_args}


def pytest_configure(config: pytest.Config) -> None:
    """Bring the fixtures after all plug-ins that are installed: the last one of a name counts."""
    config.pluginmanager.register(Browser(), "nexus-browser-fixtures")


@pytest.fixture(autouse=True)
def _artifacts(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """Say in the results where screenshot, trace and video of a test of pages are."""
    if "browser" in request.fixturenames:
        record_property("nexus-artifacts", request.getfixturevalue("output_path"))
