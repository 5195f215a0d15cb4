"""The ledger under two writers at once, under hands that change it, and under disks and clocks that fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nexus_cli.errors import UsageError
from nexus_cli.release.ledger import GENESIS, Entry, Ledger, LedgerFault, opened
from nexus_cli.workspace import Workspace
from tests.conftest import Run, skip_for
from tests.release.conftest import forget

WRITER = """
import sys
from nexus_cli.release.ledger import Ledger
ledger = Ledger(sys.argv[1])
for number in range(int(sys.argv[3])):
    ledger.append("staging", "note", {"writer": sys.argv[2], "number": number})
"""
OPENS = {
    "sqlite": "DROP TRIGGER IF EXISTS nexus_entries_UPDATE; DROP TRIGGER IF EXISTS nexus_entries_DELETE",
    "postgresql": "ALTER TABLE nexus_entries DISABLE TRIGGER USER",
}


def writing(ledger: Ledger, name: str, count: int, *before: str) -> subprocess.Popen[str]:
    command = [*before, sys.executable, "-c", WRITER, ledger.url, name, str(count)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def written(ledger: Ledger, *names: str) -> list[Entry]:
    return [ledger.append("staging", "note", {"name": name}) for name in names]


def tamper(ledger: Ledger, statement: str, **values: object) -> None:
    """Change the ledger as somebody would who has the database."""
    with ledger.database.begin() as connection:
        for opening in OPENS[connection.dialect.name].split(";"):
            connection.execute(text(opening))
        connection.execute(text(statement), values)


def test_two_processes_write_at_once_and_no_entry_is_lost(ledger: Ledger) -> None:
    writers = [writing(ledger, name, 40) for name in ("one", "other")]
    for writer in writers:
        _, said = writer.communicate(timeout=60)
        assert writer.returncode == 0, said
    found = ledger.entries("staging")
    for name in ("one", "other"):
        assert [e.body["number"] for e in found if e.body["writer"] == name] == list(range(40))
    assert ledger.verify().faults == ()


def test_a_whole_chain_has_no_faults_and_its_head_stands_for_it(ledger: Ledger) -> None:
    assert (ledger.verify().entries, ledger.verify().head) == (0, GENESIS)
    first, second, third = written(ledger, "a", "b", "ümläut")
    assert ledger.verify().faults == ledger.verify(second.hash).faults == ()
    assert ledger.verify().head == third.hash
    assert [entry.previous for entry in (first, second, third)] == [GENESIS, first.hash, second.hash]


def test_every_entry_that_was_changed_is_named(ledger: Ledger) -> None:
    entries = dict(
        zip(("time", "environment", "kind", "body", "hash"), written(ledger, *"abcde"), strict=True)
    )
    for column, entry in entries.items():
        value = 1.0 if column == "time" else '{"name":"x"}'
        change = f"UPDATE nexus_entries SET {column} = :value WHERE number = :n"
        tamper(ledger, change, value=value, n=entry.number)
    assert ledger.verify().faults == tuple(
        f"entry {entry.number} was changed after it was written" for entry in entries.values()
    )


def test_an_entry_that_is_no_longer_readable_is_named(ledger: Ledger) -> None:
    (only,) = written(ledger, "a")
    tamper(ledger, "UPDATE nexus_entries SET body = 'no json'")
    assert ledger.verify().faults == (f"entry {only.number} was changed after it was written",)
    with pytest.raises(LedgerFault, match=f"entry {only.number} of the ledger is damaged"):
        ledger.entries()


def test_a_removed_entry_is_seen_at_the_one_after_it(ledger: Ledger) -> None:
    first, second, third = written(ledger, "a", "b", "c")
    tamper(ledger, "DELETE FROM nexus_entries WHERE number = :n", n=second.number)
    (fault,) = ledger.verify().faults
    assert fault.startswith(
        f"entry {third.number} does not follow entry {first.number}: something was removed"
    )


def test_an_inserted_entry_is_seen(ledger: Ledger) -> None:
    _, second = written(ledger, "a", "b")
    tamper(
        ledger,
        "INSERT INTO nexus_entries (number, time, environment, kind, body, previous, hash)"
        " VALUES (:n, 1.0, 'staging', 'note', '{}', 'made up', 'too')",
        n=second.number + 1,
    )
    assert len(ledger.verify().faults) == 2
    assert all(fault.startswith(f"entry {second.number + 1} ") for fault in ledger.verify().faults)


def test_an_end_that_was_cut_off_is_seen_by_who_noted_the_head(ledger: Ledger) -> None:
    first, second = written(ledger, "a", "b")
    tamper(ledger, "DELETE FROM nexus_entries WHERE number = :n", n=second.number)
    assert ledger.verify().faults == ()
    assert ledger.verify(first.hash).faults == ()
    assert "cut off or written anew" in ledger.verify(second.hash).faults[0]


def test_the_database_refuses_to_change_entries(ledger: Ledger) -> None:
    written(ledger, "a")
    for change in ("UPDATE nexus_entries SET kind = 'x'", "DELETE FROM nexus_entries"):
        with (
            pytest.raises(DBAPIError, match="entries are never changed"),
            ledger.database.begin() as connection,
        ):
            connection.execute(text(change))
    assert len(ledger.entries()) == 1


def test_a_clock_that_was_set_back_changes_no_order(book: Ledger) -> None:
    skip_for("" if Path("/usr/bin/faketime").exists() else "faketime is not installed")
    (before,) = written(book, "before")
    writer = writing(book, "earlier", 1, "/usr/bin/faketime", "-f", "-2h")
    writer.communicate(timeout=60)
    assert writer.returncode == 0
    (after,) = written(book, "after")
    entries = book.entries("staging")
    assert entries[1].time < before.time - 7000 < after.time
    assert [entry.number for entry in entries] == [before.number, entries[1].number, after.number]
    assert book.last("staging", "note") == after
    assert book.verify().faults == ()


def refused(done: subprocess.CompletedProcess[str], *says: str) -> None:
    """One message, exit code 1, and nothing of our insides."""
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    for words in says:
        assert words in done.stderr


def test_a_file_that_is_no_ledger_is_said_and_left_as_it_is(workspace: Path, nexus: Run) -> None:
    path = workspace / ".nexus" / "ledger.db"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"garbage" * 4096)
    refused(nexus("history", "staging"), str(path), "not a database")
    assert path.read_bytes() == b"garbage" * 4096


def test_a_disk_that_is_full_leaves_nothing_half_written(tmp_path: Path) -> None:
    book = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    written(book, "a", "b")
    code = f"""
import resource
from nexus_cli.edge import guarded
from nexus_cli.release.ledger import Ledger
ledger = Ledger({book.url!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
guarded(lambda: [ledger.append("staging", "note", {{"much": "x" * 20_000}}) for _ in range(20)] and 0 or 9)
raise SystemExit(guarded(lambda: ledger.append("staging", "note", {{"much": "x" * 20_000}}) and 9))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1, done.stderr
    assert "ledger.db cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(book.entries()) < 22
    assert book.verify().faults == ()
    written(book, "there is room again")
    assert book.verify().faults == ()


def test_a_file_that_may_not_be_written_is_said(workspace: Path, nexus: Run) -> None:
    state = workspace / ".nexus"
    state.mkdir()
    written(Ledger(f"sqlite:///{state}/ledger.db"), "a")
    state.chmod(0o555)
    (state / "ledger.db").chmod(0o444)
    code = (
        "from nexus_cli.edge import guarded\nfrom nexus_cli.release.ledger import Ledger\n"
        f"ledger = lambda: Ledger('sqlite:///{state}/ledger.db')\n"
        "raise SystemExit(guarded(lambda: ledger().append('staging', 'note', {}) and 9))"
    )
    # root may write everything, so it becomes somebody else who can only look
    demote = "import os\nif os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
    for folder in (workspace, *workspace.parents):
        if folder.stat().st_uid == os.getuid() and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    imports = "import nexus_cli.edge, nexus_cli.release.ledger, sqlalchemy.dialects.sqlite, sqlite3\n"
    done = subprocess.run(
        [sys.executable, "-c", imports + demote + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    refused(done, "ledger.db cannot be used")


def test_a_server_that_is_not_there_is_said_without_the_password(workspace: Path, nexus: Run) -> None:
    address = "postgresql://ada:h1dden@127.0.0.1:9/ledger"
    done = nexus("history", "staging", NEXUS_LEDGER=address)
    refused(done, "the ledger at postgresql", "127.0.0.1:9")
    assert "h1dden" not in done.stderr + done.stdout


def test_a_password_that_is_refused_is_said_in_the_servers_words(postgres_server: str) -> None:
    with pytest.raises(LedgerFault, match=r"cannot be used: password authentication failed") as fault:
        Ledger(postgres_server.replace("secret", "wr0ng"))
    assert "wr0ng" not in fault.value.message


@pytest.mark.parametrize("address", ["nonsense", "mysql://a:h1dden@host/db", "postgres://a:h1dden@host/db"])
def test_what_is_no_address_of_a_ledger_is_said(
    address: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_LEDGER", address)
    with pytest.raises(UsageError, match="NEXUS_LEDGER is not the address of a ledger") as fault:
        opened(Workspace(workspace))
    assert "h1dden" not in f"{fault.value.message} {fault.value.hint}"


def test_a_workspace_reads_the_ledger_that_its_address_leads_to(
    postgres_server: str, workspace: Path, nexus: Run
) -> None:
    shared = Ledger(postgres_server)
    try:
        written(shared, "a")
        done = nexus("audit", "verify", NEXUS_LEDGER=postgres_server.replace("+pg8000", ""))
        assert done.stdout.startswith("1 entries, none changed"), done.stderr
    finally:
        forget(shared)
    assert not (workspace / ".nexus" / "ledger.db").exists()
