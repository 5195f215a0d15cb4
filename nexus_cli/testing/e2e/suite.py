"""Runs journeys that follow from the blueprints, then the workspace's own tests of gateway and pages."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nexus_cli.engine import python_project
from nexus_cli.testing import platform_tests
from nexus_cli.testing.case import BAD, Case, Tell
from nexus_cli.testing.e2e import browser, journeys
from nexus_cli.testing.integration import has_tests
from nexus_cli.testing.run import Asked
from nexus_cli.testing.stand import Stand, shown, stand
from nexus_cli.testing.subject import subjects
from nexus_cli.workspace import write_atomic

KIND = "e2e"
_KEPT = ("--tracing=retain-on-failure", "--video=retain-on-failure", "--screenshot=only-on-failure")
_NOT_RUN = "not run: "


def run(asked: Asked, tell: Tell) -> None:
    """Bring up the copy, go every way, and leave neither it nor a browser."""
    found = list(_folders(asked))
    planned = [] if asked.tags else journeys.plan(asked.platform, asked.services)
    if not found and not planned:
        tell(
            Case(
                KIND,
                "platform",
                "tests",
                "not run",
                message="no route leads to a resource, no test_*.py in tests/e2e",
            )
        )
        return
    with stand(asked, asked.services) as made:
        for case in journeys.travel(asked, made, planned):
            tell(case)
        if found and not asked.enough.is_set():
            _written(asked, made, found, tell)


def _folders(asked: Asked) -> Iterator[tuple[str, Path]]:
    """Where tests lie: in the workspace, and beside the pages that they open, with the service's name."""
    own = asked.workspace.root / "tests" / KIND
    if has_tests(own):
        yield "", own
    for subject in subjects(asked.platform):
        folder = subject.folder / "tests" / KIND
        if asked.wants(subject.name) and subject.toolchain == "node" and has_tests(folder):
            yield subject.name, folder


def _written(asked: Asked, made: Stand, found: list[tuple[str, Path]], tell: Tell) -> None:
    """Run the tests that people have written, with a browser if there is one."""
    home = platform_tests.project(asked, KIND)
    python_project.build(home, asked.progress)
    told = asked.folder(KIND) / "stack.json"
    write_atomic(told, json.dumps(shown(made)), mode=0o600)
    site = next((python_project.environment(home) / "lib").glob("python*/site-packages"))
    try:
        # What a browser that is killed leaves behind lies in a folder that goes with it.
        with tempfile.TemporaryDirectory(prefix="nexus-e2e-", ignore_cleanup_errors=True) as scratch:
            variables = {
                "NEXUS_STACK": str(told),
                "TMPDIR": scratch,
                **browser.variables(browser.find(), site, Path(scratch)),
            }
            for number, (subject, folder) in enumerate(found):
                artifacts = asked.folder(KIND) / f"artifacts-{number}"
                platform_tests.run_folder(
                    asked,
                    KIND,
                    folder,
                    variables,
                    lambda case, subject=subject: tell(_told(case, subject, asked.results)),  # type: ignore[misc]
                    *("-p", "nexus_browser", f"--output={artifacts}", *_KEPT),
                    home=home,
                )
    finally:
        told.unlink(missing_ok=True)  # it holds passwords


def _told(case: Case, subject: str, results: Path) -> Case:
    """A case with its subject and what was kept of a failure; what lacked a browser was not run."""
    if subject:
        case = replace(case, subject=subject)
    if case.status == "skipped" and case.message.startswith(_NOT_RUN):
        return replace(case, status="not run", message=case.message.removeprefix(_NOT_RUN), attachments=())
    if case.status not in BAD:
        return replace(case, attachments=())
    kept = [
        path
        for folder in case.attachments
        for path in sorted((results / folder).rglob("*"))
        if path.is_file()
    ]
    return replace(case, attachments=tuple(path.relative_to(results) for path in kept))
