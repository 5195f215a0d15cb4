"""The suite finds what breaks the contract; that the templates keep it is shown in tests/templates."""

from __future__ import annotations

import sys
from pathlib import Path

from nexus_cli.conformance import operation, requests, suite
from nexus_cli.conformance.clause import judge
from nexus_cli.conformance.rig import Rig

STRANGER = (
    "import http.server, os\n"
    "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(os.environ['PORT']), bind='127.0.0.1')"
)
LONG = [
    clause
    for clause in suite.CLAUSES
    if clause.check in (operation.sigterm_ends_it_in_good_order, requests.traces_go_to_the_collector)
]  # they wait long for the readiness of one that never is
NOTHING = {
    "name": "stranger",
    "platform": "shop",
    "connections": [],
    "resources": [],
    "consumes": [],
    "secrets": [],
}


def test_a_stranger_breaks_what_the_contract_says_and_keeps_nothing_by_chance(tmp_path: Path) -> None:
    (tmp_path / "health").write_text("fine")
    rig = Rig(NOTHING, [sys.executable, "-c", STRANGER], (), tmp_path, {}, tmp_path)
    rig.service.listen()
    try:
        verdicts = {
            clause.name: judge(clause, rig) for clause in suite.clauses(NOTHING) if clause not in LONG
        }
    finally:
        rig.service.stop()
    assert len(verdicts) > 10
    kept = {name for name, verdict in verdicts.items() if verdict.kept}
    assert kept <= {"a-port-that-is-taken-ends-the-start"}
    assert "a body is not JSON: b'fine'" in verdicts["it-is-alive-and-ready"].reason
    assert "a line of the log is not JSON" in verdicts["every-line-of-the-log-says-who-speaks"].reason
