"""The writer: what it decides about each path, and that all of it happens or nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nexus_generators.generator import File, text
from nexus_generators.writer import (
    MANIFEST,
    Change,
    compare,
    conflicts,
    managed,
    recover,
    write,
)

from nexus_cli.errors import NexusError, UsageError
from tests.support.small_disk import small_disk

FOLDER = "services/order"
MANY = 400
NOBODY = 65534


def generate(root: Path, files: dict[str, File], *, force: bool = False) -> dict[str, str]:
    placed, base = managed(files, root, FOLDER)
    changes = compare(placed, root, base=base)
    write(changes, root, force=force)
    return {change.path.removeprefix(f"{FOLDER}/"): change.status for change in changes}


def tree(root: Path) -> dict[str, str]:
    """Every file below root by path, but not the state folder."""
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".nexus" not in path.relative_to(root).parts
    }


def test_first_run_creates_and_second_finds_the_same(tmp_path: Path) -> None:
    files = {"app.py": text("one\n"), "bin/run": text("#!/bin/sh\n", executable=True)}
    assert generate(tmp_path, files) == {"app.py": "created", "bin/run": "created", MANIFEST: "created"}
    assert os.access(tmp_path / FOLDER / "bin/run", os.X_OK)
    assert not os.access(tmp_path / FOLDER / "app.py", os.X_OK)
    assert set(generate(tmp_path, files).values()) == {"same"}


def test_the_manifest_is_what_sha256sum_reads(tmp_path: Path) -> None:
    generate(tmp_path, {"app.py": text("one\n"), "a b/ü.txt": text("two\n"), "mine.py": text("x", seed=True)})
    checked = subprocess.run(
        ["sha256sum", "--check", MANIFEST], cwd=tmp_path / FOLDER, capture_output=True, text=True, check=True
    )
    assert sorted(checked.stdout.splitlines()) == ["a b/ü.txt: OK", "app.py: OK"]


def test_generated_files_follow_and_a_persons_edit_stays(tmp_path: Path) -> None:
    generate(tmp_path, {"a.py": text("a1"), "b.py": text("b1")})
    (tmp_path / FOLDER / "b.py").write_text("mine")
    assert generate(tmp_path, {"a.py": text("a2"), "b.py": text("b1")}) == {
        "a.py": "updated",
        "b.py": "kept",
        MANIFEST: "updated",
    }
    assert (tmp_path / FOLDER / "b.py").read_text() == "mine"


def test_both_changed_is_a_conflict_and_writes_nothing(tmp_path: Path) -> None:
    generate(tmp_path, {"a.py": text("a1"), "b.py": text("b1")})
    (tmp_path / FOLDER / "b.py").write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(NexusError, match=r"services/order/b\.py") as fault:
        generate(tmp_path, {"a.py": text("a2"), "b.py": text("b2")})
    assert fault.value.exit_code == 1
    assert "--force" in (fault.value.hint or "")
    assert tree(tmp_path) == before


def test_force_keeps_the_persons_file_each_time(tmp_path: Path) -> None:
    place = tmp_path / FOLDER
    for number in (1, 2, 3):
        generate(tmp_path, {"b.py": text(f"b{number}")}, force=True)
        (place / "b.py").write_text(f"mine {number}")
    assert (place / "b.py.orig").read_text() == "mine 1"
    assert (place / "b.py.orig1").read_text() == "mine 2"
    assert generate(tmp_path, {"b.py": text("b3")})["b.py"] == "kept"


def test_a_file_that_nobody_generated_is_a_conflict_unless_equal(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("same")
    (tmp_path / "b").write_text("mine")
    changes = compare({"a": text("same"), "b": text("other")}, tmp_path)
    assert [change.status for change in changes] == ["same", "conflict"]
    assert conflicts(changes) == ["b"]


def test_a_seed_is_written_once_and_then_the_persons(tmp_path: Path) -> None:
    assert generate(tmp_path, {"domain.py": text("start", seed=True)})["domain.py"] == "created"
    (tmp_path / FOLDER / "domain.py").write_text("mine")
    assert generate(tmp_path, {"domain.py": text("new start", seed=True)})["domain.py"] == "kept"
    assert (tmp_path / FOLDER / "domain.py").read_text() == "mine"


def test_what_is_no_longer_generated_goes_unless_a_person_changed_it(tmp_path: Path) -> None:
    generate(tmp_path, {"old.py": text("x"), "edited.py": text("x"), "stays.py": text("x")})
    (tmp_path / FOLDER / "edited.py").write_text("mine")
    statuses = generate(tmp_path, {"stays.py": text("x")})
    assert (statuses["old.py"], statuses["edited.py"]) == ("removed", "kept")
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == [MANIFEST, "edited.py", "stays.py"]


def test_a_deleted_generated_file_comes_back(tmp_path: Path) -> None:
    generate(tmp_path, {"a.py": text("a")})
    (tmp_path / FOLDER / "a.py").unlink()
    assert generate(tmp_path, {"a.py": text("a")})["a.py"] == "created"


def test_a_manifest_with_merge_marks_forgets_only_what_it_cannot_read(tmp_path: Path) -> None:
    generate(tmp_path, {"a.py": text("a1"), "b.py": text("b1")})
    place = tmp_path / FOLDER / MANIFEST
    place.write_text(f"<<<<<<< HEAD\n{place.read_text()}=======\nrubbish\n>>>>>>> theirs\n")
    assert generate(tmp_path, {"a.py": text("a2"), "b.py": text("b1")}) == {
        "a.py": "updated",
        "b.py": "same",
        MANIFEST: "updated",
    }


def test_a_manifest_cannot_make_the_writer_remove_files_elsewhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("x")
    root = tmp_path / "root"
    generate(root, {"a.py": text("a")})
    digest = text("x").digest
    with (root / FOLDER / MANIFEST).open("a") as manifest:
        manifest.write(f"{digest}  ../../../victim\n{digest}  {victim}\n")
    generate(root, {"a.py": text("a")})
    assert victim.read_text() == "x"


def test_a_changed_executable_bit_is_an_update(tmp_path: Path) -> None:
    generate(tmp_path, {"run": text("x")})
    assert generate(tmp_path, {"run": text("x", executable=True)})["run"] == "updated"
    assert os.access(tmp_path / FOLDER / "run", os.X_OK)


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "/etc/x",
        "",
        ".",
        "a//b",
        "./a",
        ".git/hooks/pre-commit",
        "a/.GIT/config",
        ".nexus/x",
        "a\nb",
        "a\x00b",
        "a\\b",
    ],
)
def test_paths_that_are_not_plainly_inside_are_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(UsageError):
        compare({path: text("x")}, root)
    with pytest.raises(UsageError):
        write([Change(path, "created", text("x"), None)], root)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("path", ["link/x", "link", "folder/link/deep/x"])
def test_nothing_is_written_through_a_symbolic_link(tmp_path: Path, path: str) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (root / "folder").mkdir(parents=True)
    (root / "link").symlink_to(outside)
    (root / "folder/link").symlink_to(outside)
    with pytest.raises(UsageError, match="symbolic link"):
        compare({path: text("x")}, root)
    assert list(outside.iterdir()) == []


def test_files_and_folders_in_each_others_place_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a folder"):
        compare({"folder": text("x")}, tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        compare({"file/x": text("x")}, tmp_path)
    with pytest.raises(UsageError, match="both as a file and as a folder"):
        compare({"a": text("x"), "a/b": text("x")}, tmp_path)


def test_a_file_changed_since_the_comparison_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    changes = compare({"a": text("new")}, tmp_path, base={"a": text("old").digest})
    (tmp_path / "a").write_text("mine")
    with pytest.raises(NexusError, match="was changed while"):
        write(changes, tmp_path)
    assert (tmp_path / "a").read_text() == "mine"


def run(code: str, *arguments: str, ordinary: bool = False) -> subprocess.Popen[str]:
    """A process that writes into the folder that it is given, as an ordinary user if need be."""
    drop = f"os.setgid({NOBODY}); os.setuid({NOBODY})" if ordinary and os.getuid() == 0 else ""
    prelude = (
        "import os, sys\nfrom pathlib import Path\n"
        "from nexus_generators.generator import text\n"
        "from nexus_generators.writer import compare, recover, write\n"
        "from nexus_cli.errors import NexusError\nroot = Path(sys.argv[1])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", f"{prelude}{drop}\n{code}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


REPLACE_ALL = f"""
old = {{f"f{{n:04}}": text(f"old {{n}}") for n in range({MANY})}}
new = {{f"f{{n:04}}": text(f"new {{n}}") for n in range({MANY})}} | {{"added/x": text("x")}}
write(compare(new, root, base={{p: f.digest for p, f in old.items()}}), root)
"""


def old_tree(root: Path) -> dict[str, str]:
    for number in range(MANY):
        (root / f"f{number:04}").write_text(f"old {number}")
    return tree(root)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.0001)


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.01, 0.02, 0.05])
def test_a_killed_run_is_undone_or_complete(tmp_path: Path, delay: float) -> None:
    before = old_tree(tmp_path)
    process = run(REPLACE_ALL, str(tmp_path))
    wait_for(tmp_path / ".nexus/transaction/journal", process)
    time.sleep(delay)
    process.kill()
    process.communicate()
    recover(tmp_path)
    after = tree(tmp_path)
    complete = {path: content.replace("old", "new") for path, content in before.items()} | {"added/x": "x"}
    assert after in (before, complete)
    assert not (tmp_path / ".nexus/transaction").exists()
    assert after == complete or not (tmp_path / "added").exists()


def test_recovery_leaves_what_a_person_changed_after_the_crash(tmp_path: Path) -> None:
    old_tree(tmp_path)
    process = run(REPLACE_ALL.replace("write(", "os.kill(os.getpid(), 0) or write("), str(tmp_path))
    wait_for(tmp_path / ".nexus/transaction/journal", process)
    process.kill()
    process.communicate()
    (tmp_path / "f0000").write_text("mine")
    recover(tmp_path)
    assert (tmp_path / "f0000").read_text() == "mine"


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_everything_as_it_was(tmp_path: Path, which: signal.Signals) -> None:
    before = old_tree(tmp_path)
    handled = f"import signal\nsignal.signal({which:d}, signal.default_int_handler)\n"  # whoever ignores it
    process = run(handled + REPLACE_ALL, str(tmp_path))
    wait_for(tmp_path / ".nexus/transaction/new", process)
    process.send_signal(which)
    _, errors = process.communicate()
    assert "KeyboardInterrupt" in errors
    assert tree(tmp_path) == before
    assert not (tmp_path / ".nexus").exists()


def test_a_permission_fault_in_the_middle_is_undone(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("shared")
    for folder in (root, *root.parents[:3]):
        if folder.stat().st_uid == os.getuid() and folder != Path("/tmp"):
            folder.chmod(0o755)
    locked = root / "locked"
    locked.mkdir()
    (root / "a").write_text("old")
    if os.getuid() == 0:
        for path in (root, root / "a", locked):
            os.chown(path, NOBODY, NOBODY)
    locked.chmod(0o555)
    code = """
files = {"a": text("new"), "b/c": text("new"), "locked/x": text("new")}
try:
    write(compare(files, root, base={"a": text("old").digest}), root)
except NexusError as error:
    print(error.message, "|", error.hint)
"""
    output, errors = run(code, str(root), ordinary=True).communicate()
    locked.chmod(0o755)
    assert errors == ""
    assert output.startswith("cannot write")
    assert "nothing was changed" in output
    assert tree(root) == {"a": "old"}
    assert sorted(path.name for path in root.iterdir()) == ["a", "locked"]


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    """A tiny file system of its own for root; a limit on file sizes for everybody else."""
    small = tmp_path / "small"
    small.mkdir()
    root = os.getuid() == 0
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
    code = f"""
{"" if root else limit}
(root / "a").write_text("old")
files = {{f"folder/{{n}}": text("x" * 40000) for n in range(8)}} | {{"a": text("new")}}
try:
    write(compare(files, root, base={{"a": text("old").digest}}), root)
except NexusError as error:
    print(error.message, "|", error.hint)
"""
    with small_disk(small, "128k") if root else contextlib.nullcontext():
        output, errors = run(code, str(small)).communicate()
        assert errors == ""
        assert "cannot write" in output
        assert "nothing was changed" in output
        assert tree(small) == {"a": "old"}
        assert [path.name for path in small.iterdir()] == ["a"]


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    code = "write(compare({f'{sys.argv[2]}/{n}': text('x') for n in range(100)}, root), root)"
    writers = [run(code, str(tmp_path), name) for name in ("a", "b", "c")]
    assert [writer.communicate()[1] for writer in writers] == ["", "", ""]
    assert len(tree(tmp_path)) == 300
