"""Logs: whatever units print is kept safe, in rotated files, and read in time order."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from nexus_cli.engine import logs
from nexus_cli.engine.logfile import CUT, MAX_FILES, MAX_LINE, LineSplitter, LogWriter, paths, printable
from nexus_cli.engine.process import ProcessEngine
from nexus_cli.unit import LogLine
from tests.support.engine_units import exited, printed, script, until


def texts(lines: Iterator[LogLine]) -> list[str]:
    return [line.text for line in lines]


def write(folder: Path, unit: str, *lines: tuple[float, str], number: int = 0) -> None:
    """A log file with lines of given times."""
    path = Path(paths(str(folder), unit)[number])
    path.write_text("".join(f"{when:.6f} out {text}\n" for when, text in lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        (b"plain", "plain"),
        ("grün ✓".encode(), "grün ✓"),
        (b"a\tb\r", "a\tb"),
        (b"\x1b[31mred\x00", "\\x1b[31mred\\x00"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("a\u2028b\x85".encode(), "a\\u2028b\\x85"),
    ],
)
def test_lines_are_made_safe(raw: bytes, safe: str) -> None:
    assert printable(raw) == safe


def test_lines_are_put_together_however_they_arrive() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"on") == []
    assert splitter.feed(b"e\ntwo\nthr") == ["one", "two"]
    assert splitter.feed(b"ee\n") == ["three"]
    assert splitter.feed("ü".encode()[:1]) == []
    assert splitter.feed("ü".encode()[1:]) == []
    assert splitter.end() == ["ü"]
    assert splitter.end() == []


def test_a_line_without_end_is_cut_once() -> None:
    splitter = LineSplitter()
    found = [line for _ in range(40) for line in splitter.feed(b"x" * 50_000)]
    assert found == ["x" * MAX_LINE + CUT]
    assert len(splitter.rest) == 0
    assert splitter.feed(b"tail\nnext\n") == ["next"]


def test_a_unit_may_print_anything(engine: ProcessEngine) -> None:
    code = (
        "import os\n"
        "os.write(1, bytes(range(256)) * 40 + b'\\n')\n"
        "os.write(1, b'y' * 1_000_000 + b'\\n')\n"
        "os.write(2, b'last words')"
    )
    engine.start(script("job", code, kind="job"))
    until(engine, "job", exited)
    found = list(engine.logs(["job"]))
    assert {line.stream for line in found} == {"out", "err"}
    assert "y" * MAX_LINE + CUT in [line.text for line in found]
    assert found[-1].text == "last words" or found[-2].text == "last words"
    assert all(line.text.isprintable() or "\t" in line.text for line in found)


def test_a_job_that_prints_much_loses_nothing(engine: ProcessEngine) -> None:
    engine.start(script("job", "for number in range(60_000): print(f'line {number}')", kind="job"))
    until(engine, "job", exited)
    assert printed(engine, "job") == [f"line {number}" for number in range(60_000)]


def test_logs_survive_what_printed_them(engine: ProcessEngine) -> None:
    engine.start(script("job", "print('first')", kind="job"))
    until(engine, "job", exited)
    engine.stop("job")
    engine.start(script("job", "print('second')", kind="job"))
    until(engine, "job", exited)
    engine.shutdown()
    assert printed(engine, "job") == ["first", "second"]


def test_files_are_rotated_by_size(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), "shop", max_bytes=1000)
    for number in range(200):
        writer.write("out", [f"line {number}"])
    writer.close()
    files = [Path(path) for path in paths(str(tmp_path), "shop")]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert len(files) == MAX_FILES
    assert all(path.stat().st_size <= 1000 for path in files)
    found = texts(logs.read(tmp_path))
    assert found == [f"line {number}" for number in range(200 - len(found), 200)]
    assert len(found) > 60


def test_a_full_disk_loses_lines_and_says_so(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path / "later"), "shop")
    writer.write("out", ["one", "two"])
    writer.write("out", ["three"])
    (tmp_path / "later").mkdir()
    writer.write("out", ["four"])
    writer.write("out", ["five"])
    writer.close()
    assert texts(logs.read(tmp_path / "later")) == [
        "[nexus] 3 lines were lost: the disk was full",
        "four",
        "five",
    ]


def test_units_are_merged_in_time_order(tmp_path: Path) -> None:
    write(tmp_path, "b", (1.0, "b1"), (3.0, "b3"), (3.0, "b3 again"))
    write(tmp_path, "a", (2.0, "a2"), (3.0, "a3"), (4.0, "a4"))
    write(tmp_path, "a", (0.5, "a0"), number=1)
    assert texts(logs.read(tmp_path)) == ["a0", "b1", "a2", "a3", "b3", "b3 again", "a4"]
    assert texts(logs.read(tmp_path, ["b"])) == ["b1", "b3", "b3 again"]
    assert texts(logs.read(tmp_path, ["nobody"])) == []
    assert texts(logs.read(tmp_path / "nowhere")) == []


def test_since_and_tail(tmp_path: Path) -> None:
    write(tmp_path, "a", *((float(n), f"a{n}") for n in range(10)), number=1)
    write(tmp_path, "a", *((float(n), f"a{n}") for n in range(10, 20)))
    write(tmp_path, "b", (15.5, "b"))
    assert texts(logs.read(tmp_path, tail=4)) == ["a16", "a17", "a18", "a19"]
    assert texts(logs.read(tmp_path, tail=6))[:2] == ["a15", "b"]
    assert texts(logs.read(tmp_path, ["a"], tail=12))[0] == "a8"
    assert len(texts(logs.read(tmp_path, tail=1000))) == 21
    assert texts(logs.read(tmp_path, tail=0)) == []
    assert texts(logs.read(tmp_path, since=18.0)) == ["a18", "a19"]
    assert texts(logs.read(tmp_path, since=8.0, tail=1)) == ["a19"]
    assert texts(logs.read(tmp_path, since=99.0)) == []


@pytest.mark.parametrize("tail", [1, 2, 63, 64, 65, 5000, 100_000, 200_000])
def test_tail_of_large_files(tmp_path: Path, tail: int) -> None:
    write(tmp_path, "a", *((float(n), f"{n} " + "x" * (n % 50)) for n in range(100_000)))
    found = texts(logs.read(tmp_path, tail=tail))
    assert [int(text.split()[0]) for text in found] == list(range(max(0, 100_000 - tail), 100_000))


def test_the_end_of_large_files_is_found_quickly(tmp_path: Path) -> None:
    write(tmp_path, "a", *((float(n), "x" * 80) for n in range(100_000)))
    started = time.perf_counter()
    assert len(texts(logs.read(tmp_path, tail=10))) == 10
    assert len(texts(logs.read(tmp_path, since=99_990.0))) == 10
    assert time.perf_counter() - started < 0.1


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    Path(tmp_path, "a.log").write_bytes(b"nonsense\n1.0 out good\n\n\xff\xff out x\n2.0 err not ended")
    assert texts(logs.read(tmp_path)) == ["good"]


def test_following_goes_on_through_rotations(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), "shop", max_bytes=2000)
    writer.write("out", ["before"])
    count = 400
    following = logs.read(tmp_path, follow=True)
    assert next(following).text == "before"

    def print_on() -> None:
        for number in range(count):
            writer.write("out", [f"{number}"])
            if number % 20 == 0:
                time.sleep(logs.POLL * 1.2)  # so that at most one file is filled between two looks

    printing = threading.Thread(target=print_on)
    printing.start()
    assert texts(islice(following, count)) == [str(number) for number in range(count)]
    printing.join()
    writer.close()


def test_following_sees_units_that_come_later(tmp_path: Path) -> None:
    following = logs.read(tmp_path, tail=0, follow=True)
    write(tmp_path, "a", (1.0, "old"))
    writer = LogWriter(str(tmp_path), "b")
    timer = threading.Timer(0.1, lambda: writer.write("err", ["new"]))
    timer.start()
    assert texts(islice(following, 1)) == ["new"]
    timer.join()
    writer.close()


def test_a_line_is_followed_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"1.0 out one\n2.0 ou")
    following = logs.read(tmp_path, follow=True)
    assert next(following).text == "one"

    def end() -> None:
        with path.open("ab") as stream:
            stream.write(b"t two\n")
            os.fsync(stream.fileno())

    timer = threading.Timer(0.1, end)
    timer.start()
    assert next(following).text == "two"
    timer.join()
