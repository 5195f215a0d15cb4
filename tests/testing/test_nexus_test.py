"""`nexus test` on a small service: a verdict, files of results, and faults told as what they are."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import nexus_cli.testing
from nexus_cli.identity import identify
from tests.conftest import NEXUS, Run
from tests.support.small_disk import small_disk

LOCKS = Path(nexus_cli.testing.__file__).parent / "locks"
BLUEPRINT = (
    "{nexus: v1, kind: service, name: till, type: own, port: 8031, run: {serve: [python, serve.py]}}\n"
)
GOOD = "def test_it_adds_up() -> None:\n    assert 1 + 1 == 2\n"
Plant = Callable[[str], Path]


@pytest.fixture
def till(workspace: Path, write: Callable[[str, str], Path]) -> Path:
    """A service whose tests need nothing but pytest."""
    (workspace / "nexus.yaml").write_text(
        "nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/*.yaml]\n"
    )
    write("till", BLUEPRINT)
    folder = workspace / "services" / "till"
    (folder / "tests").mkdir(parents=True)
    (folder / "requirements.lock").write_text("")
    shutil.copy(LOCKS / "platform.lock", folder / "requirements-dev.lock")
    (folder / "tests" / "test_sums.py").write_text(GOOD)
    return folder


@pytest.fixture
def plant(till: Path) -> Plant:
    """Puts a further test beside the good one."""

    def write_test(text: str) -> Path:
        path = till / "tests" / "test_planted.py"
        path.write_text(text)
        return path

    return write_test


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def bad(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one case that did not pass."""
    (case,) = [case for case in said(done)["cases"] if case["status"] != "passed"]
    return dict(case)


def test_what_passes_is_told_on_the_screen(till: Path, nexus: Run) -> None:
    done = nexus("test", "--type", "unit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed: 1 passed" in done.stdout
    assert "report.html" in done.stdout


def test_a_failure_is_told_in_every_form(plant: Plant, nexus: Run, tmp_path: Path) -> None:
    plant('def test_fault() -> None:\n    assert 1 + 1 == 3, "<b>planted</b>"\n')
    report = tmp_path / "report"
    done = nexus("test", "-t", "unit", "--json", "--report", str(report))
    assert done.returncode == 1
    case = bad(done)
    assert (case["status"], case["subject"], case["name"]) == ("failed", "till", "test_fault")
    assert (case["file"], case["line"]) == ("services/till/tests/test_planted.py", 1)
    assert case["message"] == "AssertionError: <b>planted</b>"
    assert json.loads((report / "results.json").read_text())["counts"] == {"passed": 1, "failed": 1}
    suite = ET.parse(report / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    page = (report / "report.html").read_text()
    assert "&lt;b&gt;planted" in page
    assert "<b>planted" not in page
    assert "src=" not in page
    text = nexus("test", "-t", "unit").stdout
    assert "✗ unit till test_fault (services/till/tests/test_planted.py:1): AssertionError" in text


def test_a_runner_that_breaks_is_an_error(plant: Plant, nexus: Run) -> None:
    plant("import os\n\ndef test_it_ends_all() -> None:\n    os._exit(9)\n")
    done = nexus("test", "-t", "unit", "--json")
    assert done.returncode == 1
    case = bad(done)
    assert case["status"] == "error"
    assert "test_it_ends_all" in case["detail"]


def test_a_runner_that_a_signal_ends_is_told_with_the_test_it_ran(plant: Plant, nexus: Run) -> None:
    plant("import os, signal\n\ndef test_it_dies() -> None:\n    os.kill(os.getpid(), signal.SIGSEGV)\n")
    case = bad(nexus("test", "--type", "unit", "--json"))
    assert (case["status"], case["message"]) == (
        "error",
        "pytest was ended by SIGSEGV: tests/test_planted.py::test_it_dies",
    )


def test_a_hang_is_ended_with_all_that_it_began(plant: Plant, nexus: Run, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    plant(
        "import pathlib, subprocess, time\n\ndef test_it_waits() -> None:\n"
        "    one = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        f"    pathlib.Path({str(note)!r}).write_text(str(one.pid))\n    time.sleep(300)\n"
    )
    done = nexus("test", "-t", "unit", "--json", "--timeout", "5")
    assert done.returncode == 1
    case = bad(done)
    assert (case["status"], case["subject"]) == ("error", "till")
    assert "hang" in case["message"]
    assert "test_it_waits" in case["detail"]
    assert identify(int(note.read_text())) is None


def test_what_fails_once_is_flaky_and_not_quietly_passed(plant: Plant, nexus: Run, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    text = f"""
import pathlib

def test_second_time_lucky() -> None:
    flag = pathlib.Path({str(flag)!r})
    known = flag.exists()
    flag.touch()
    assert known, "the first time"
"""
    plant(text)
    done = nexus("test", "-t", "unit", "--json", "--retries", "1")
    assert done.returncode == 0
    case = bad(done)
    assert case["status"] == "flaky"
    assert "the first time" in case["message"]
    flag.unlink()
    assert nexus("test", "-t", "unit").returncode == 1


def test_without_any_test_nothing_ran(till: Path, nexus: Run) -> None:
    shutil.rmtree(till / "tests")
    done = nexus("test", "-t", "unit", "--json")
    assert done.returncode == 5
    assert bad(done)["message"] == "it has no tests"


def test_a_service_whose_settings_know_no_such_mark_has_no_tests_with_it(till: Path, nexus: Run) -> None:
    (till / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "--strict-markers"\nmarkers = ["slow"]\n'
    )
    done = nexus("test", "-t", "unit", "--tag", "fast", "--json")
    assert bad(done)["message"] == "it has no tests with the mark fast"
    assert done.returncode == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--type", "unti"), 'unknown type of test "unti"'),
        (("--service", "tall"), 'unknown service or package "tall"'),
        (("--changed",), "there is no main branch"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    till: Path, nexus: Run, arguments: tuple[str, ...], message: str
) -> None:
    done = nexus("test", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "hint:" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(
    plant: Plant, workspace: Path, tmp_path: Path, number: signal.Signals
) -> None:
    note = tmp_path / "pid"
    plant(
        "import os, pathlib, time\n\ndef test_it_waits() -> None:\n"
        f"    pathlib.Path({str(note)!r}).write_text(str(os.getpid()))\n    time.sleep(300)\n"
    )
    program = subprocess.Popen(
        [*NEXUS, "test", "-t", "unit"],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < deadline
        assert program.poll() is None, program.communicate()
        time.sleep(0.05)
    program.send_signal(number)
    out, err = program.communicate(timeout=30)
    assert program.returncode == 130, out + err
    assert "interrupted: no tests" in out  # and no error: what ran them was ended with the run
    assert identify(int(note.read_text())) is None


class Terminal:
    """A person's terminal in which nexus runs: what it shows, and the keys that are pressed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.keys, inside = os.openpty()
        self.program = subprocess.Popen(
            [*NEXUS, *arguments],
            cwd=folder,
            preexec_fn=lambda: os.login_tty(inside),  # noqa: PLW1509 - no other thread runs
            pass_fds=[inside],
        )
        os.close(inside)
        self.shown = ""

    def until(self, words: str) -> str:
        """What is shown up to these words, from where it was read last."""
        deadline = time.monotonic() + 90
        while words not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self.keys], [], [], 0.1)[0]:
                self.shown += os.read(self.keys, 1 << 16).decode(errors="replace")
        before, _, self.shown = self.shown.partition(words)
        return before

    def close(self) -> None:
        self.program.kill()
        self.program.wait()
        os.close(self.keys)


def test_a_change_is_tested_at_once_and_alone(
    till: Path, workspace: Path, write: Callable[[str, str], Path]
) -> None:
    write("mill", BLUEPRINT.replace("till", "mill").replace("8031", "8032"))
    shutil.copytree(till, till.with_name("mill"))
    terminal = Terminal(workspace, "test", "-t", "unit", "--watch")
    try:
        first = terminal.until("waiting for a change")
        assert "2 passed" in first
        (till / "tests" / "test_sums.py").write_text(GOOD.replace("2", "3"))
        second = terminal.until("waiting for a change")
        assert "1 failed" in second
        assert "mill" not in second
        (till / "tests" / "test_sums.py").write_text(GOOD)
        assert "1 passed" in terminal.until("waiting for a change")
        os.write(terminal.keys, b"\x03")
        assert terminal.program.wait(20) == 130
    finally:
        terminal.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_said(till: Path, workspace: Path, nexus: Run) -> None:
    assert nexus("test", "-t", "unit").returncode == 0
    runs = workspace / ".nexus" / "tests" / "runs"
    with small_disk(runs, "16k"):
        done = nexus("test", "-t", "unit")
    assert done.returncode == 1
    assert "No space left" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


GO_TESTS = """\
package sums

import "testing"

func TestRight(t *testing.T) {
	if Add(1, 1) != 2 {
		t.Fatal("wrong")
	}
}

func TestPlanted(t *testing.T) {
	t.Run("inside", func(t *testing.T) {
		t.Errorf("found %d", Add(1, 1))
	})
}

func TestSkipped(t *testing.T) { t.Skip("names no server") }
"""


MARKED = """\
//go:build slow && !race

package sums

import "testing"

func TestSlow(t *testing.T) {}
"""


def test_go_tells_each_test_its_place_and_what_does_not_compile(till: Path, nexus: Run) -> None:
    shutil.rmtree(till)
    till.mkdir()
    (till / "go.mod").write_text("module example.org/sums\n\ngo 1.26\n")
    (till / "sums.go").write_text("package sums\n\nfunc Add(a, b int) int { return a + b }\n")
    (till / "sums_test.go").write_text(GO_TESTS)
    done = nexus("test", "-t", "unit", "--json")
    assert done.returncode == 1
    cases = {case["name"]: case for case in said(done)["cases"]}
    assert cases["sums.TestRight"]["status"] == "passed"
    assert cases["sums.TestSkipped"]["message"] == "names no server"
    planted = cases["sums.TestPlanted/inside"]
    assert (planted["status"], planted["message"]) == ("failed", "found 2")
    assert (planted["file"], planted["line"]) == ("services/till/sums_test.go", 13)
    assert cases["coverage"]["figures"]["coverage (%)"] == 100
    (till / "slow_test.go").write_text(MARKED)
    chosen = said(nexus("test", "-t", "unit", "--json", "--tag", "slow"))["cases"]
    assert [(case["name"], case["status"]) for case in chosen] == [("sums.TestSlow", "passed")]
    done = nexus("test", "-t", "unit", "--json", "--tag", "race")
    assert done.returncode == 5
    assert bad(done)["message"] == "it has no tests with the mark race"
    (till / "sums.go").write_text("package sums\n\nfunc Add(a, b int) int { return }\n")
    done = nexus("test", "-t", "unit", "--json")
    assert done.returncode == 1
    assert "not enough return values" in bad(done)["message"] + bad(done)["detail"]
