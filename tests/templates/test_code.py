"""What every template writes, as the security tests of a workspace look at it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rendering import COMBINATIONS, TOP, render

from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.types import SERVICE_TYPES
from nexus_cli.testing.case import Case
from nexus_cli.testing.run import Asked
from nexus_cli.testing.security import code
from nexus_cli.workspace import find


@pytest.mark.timeout(600)  # the programs are installed on first use
def test_what_templates_write_has_no_fault_that_is_seen_in_code(tmp_path: Path) -> None:
    (tmp_path / "nexus.yaml").write_text("{nexus: v1, kind: platform, name: shop, include: [b/*.yaml]}")
    (tmp_path / "b").mkdir()
    for number, kind in enumerate(SERVICE_TYPES):
        blueprint = f"{{nexus: v1, kind: service, name: {kind}, type: {kind}, port: {8001 + number}}}"
        (tmp_path / "b" / f"{kind}.yaml").write_text(blueprint)
        answers = COMBINATIONS["everything"] if SERVICE_TYPES[kind].models else {}
        render(tmp_path / "services" / kind, {**answers, "name": kind}, TOP / "templates" / "service" / kind)
    cases: list[Case] = []
    code.check(Asked(find(tmp_path), load(tmp_path), tmp_path / "results"), cases.append)
    assert [(case.place, case.message) for case in cases if case.status != "passed"] == []
    assert {case.subject for case in cases} == {*SERVICE_TYPES}
