"""A generated service and its template both move on: what people wrote stays, what is new comes in."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.resources import bundled
from nexus_cli.scaffold import template
from nexus_cli.scaffold.app import generate_app
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.update import carry_out, difference, updates
from tests.conftest import Run, running

LINES = "".join(f"line {number}\n" for number in range(1, 21))


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "as it is")


@pytest.fixture
def nexus(workspace: Path) -> Run:
    """The real command line inside the workspace."""
    return running(workspace)


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundled templates, with a plain one beside them, that a test may change."""
    copy = tmp_path / "bundled" / "templates"
    shutil.copytree(bundled("templates"), copy)
    plain = copy / "service" / "plain"
    (plain / "template" / "mine").mkdir(parents=True)
    (plain / "copier.yml").write_text(
        '_subdirectory: template\n_skip_if_exists: ["mine/**"]\nname:\n  type: str\n'
    )
    (plain / "template" / "notes.txt").write_text(LINES)
    (plain / "template" / "mine" / "own.txt").write_text("yours\n")
    (plain / "template" / "start.sh").write_text("#!/bin/sh\necho start\n")
    monkeypatch.setattr(template, "bundled", lambda name: tmp_path / "bundled" / name)
    template.read.cache_clear()
    return copy


@pytest.fixture
def order(templates: Path, workspace: Path) -> Path:
    """A service of the plain type, generated and committed."""
    (workspace / "nexus.yaml").write_text("nexus: v1\nkind: platform\nname: shop\n")
    (workspace / ".gitignore").write_text("/.nexus/\n")
    git(workspace, "init", "--quiet")
    generate_app(workspace, "order", Choice(), kind="plain", uses=())
    commit(workspace)
    return workspace / "services" / "order"


def change(templates: Path, old: str, new: str, *, name: str = "notes.txt") -> None:
    path = templates / "service" / "plain" / "template" / name
    path.write_text(path.read_text().replace(old, new))


def test_nothing_has_changed(order: Path, workspace: Path) -> None:
    (found,) = updates(workspace)
    assert (found.behind, found.conflicts) == (0, ())


def test_edits_and_news_are_merged(order: Path, workspace: Path, templates: Path) -> None:
    notes = order / "notes.txt"
    notes.write_text(LINES.replace("line 3\n", "line 3, as I say it\n"))
    (order / "mine" / "own.txt").write_text("quite mine\n")
    commit(workspace)
    change(templates, "line 18\n", "line 18, as of now\n")
    change(templates, "yours", "theirs", name="mine/own.txt")
    (templates / "service" / "plain" / "template" / "more.txt").write_text("more\n")
    (templates / "service" / "plain" / "template" / "start.sh").unlink()
    (found,) = updates(workspace, ["order"])
    shown = "".join(difference(workspace, found))
    assert "-line 18\n+line 18, as of now\n" in shown
    assert notes.read_text().count("as of now") == 0  # until it is carried out
    carry_out(workspace, [found])
    assert "line 3, as I say it\n" in notes.read_text()
    assert "line 18, as of now\n" in notes.read_text()
    assert (order / "more.txt").read_text() == "more\n"
    assert not (order / "start.sh").exists()
    assert (order / "mine" / "own.txt").read_text() == "quite mine\n"
    assert updates(workspace)[0].behind == 0


def test_a_second_update_finds_its_base_again_in_a_fresh_clone(
    order: Path, workspace: Path, templates: Path, tmp_path: Path
) -> None:
    (order / "notes.txt").write_text(LINES.replace("line 3\n", "line 3, as I say it\n"))
    commit(workspace)
    change(templates, "line 18\n", "line 18, as of now\n")
    carry_out(workspace, updates(workspace))
    commit(workspace)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(workspace), str(clone))
    change(templates, "line 10\n", "line 10, later\n")
    carry_out(clone, updates(clone))
    text = (clone / "services" / "order" / "notes.txt").read_text()
    assert [word in text for word in ("as I say it", "as of now", "later")] == [True] * 3
    assert "<<<<" not in text


def test_an_edit_before_the_first_commit_has_a_base_too(workspace: Path, templates: Path) -> None:
    (workspace / "nexus.yaml").write_text("nexus: v1\nkind: platform\nname: shop\n")
    (workspace / ".gitignore").write_text("/.nexus/\n")
    git(workspace, "init", "--quiet")
    generate_app(workspace, "order", Choice(), kind="plain", uses=())
    notes = workspace / "services" / "order" / "notes.txt"
    notes.write_text(LINES.replace("line 3\n", "line 3, as I say it\n"))
    commit(workspace)
    change(templates, "line 18\n", "line 18, as of now\n")
    (found,) = updates(workspace)
    assert found.conflicts == ()
    carry_out(workspace, [found])
    assert "as I say it" in notes.read_text()
    assert "as of now" in notes.read_text()


def test_what_git_cannot_decide_is_marked_and_has_to_be_decided(
    order: Path, workspace: Path, templates: Path
) -> None:
    notes = order / "notes.txt"
    notes.write_text(LINES.replace("line 3\n", "mine\n"))
    commit(workspace)
    change(templates, "line 3\n", "theirs\n")
    (found,) = updates(workspace)
    assert found.conflicts == ("services/order/notes.txt",)
    carry_out(workspace, [found])
    text = notes.read_text()
    assert "<<<<<<< yours\nmine\n" in text
    assert "theirs\n>>>>>>> generated by" in text
    before, half = text, r"services/order/notes.txt:3: holds a conflict"
    with pytest.raises(NexusError, match=half):  # though nothing is new
        carry_out(workspace, updates(workspace))
    commit(workspace)
    change(templates, "line 18\n", "line 18, as of now\n")
    with pytest.raises(NexusError, match=half):
        carry_out(workspace, updates(workspace))
    assert notes.read_text() == before
    notes.write_text(LINES.replace("line 3\n", "mine and theirs\n"))
    commit(workspace)
    carry_out(workspace, updates(workspace))
    assert "mine and theirs\n" in notes.read_text()
    assert "as of now" in notes.read_text()


def test_what_is_not_committed_is_not_touched(order: Path, workspace: Path, templates: Path) -> None:
    (order / "mine" / "own.txt").write_text("not yet committed\n")
    change(templates, "line 18\n", "line 18, as of now\n")
    with pytest.raises(NexusError, match=r"services/order has changes that are not committed: .*own.txt"):
        carry_out(workspace, updates(workspace))
    assert (order / "notes.txt").read_text() == LINES


def test_an_edit_that_is_taken_back_leaves_no_base_behind(
    order: Path, workspace: Path, templates: Path
) -> None:
    notes, kept = order / "notes.txt", order / ".nexus-base" / "notes.txt.base"
    notes.write_text(LINES.replace("line 3\n", "line 3, as I say it\n"))
    commit(workspace)
    change(templates, "line 18\n", "line 18, as of now\n")
    carry_out(workspace, updates(workspace))
    assert kept.read_text() == LINES.replace("line 18\n", "line 18, as of now\n")
    notes.write_text(kept.read_text())
    commit(workspace)
    change(templates, "line 10\n", "line 10, later\n")
    carry_out(workspace, updates(workspace))
    assert not kept.exists()


def test_only_what_was_generated_can_be_updated(order: Path, workspace: Path) -> None:
    with pytest.raises(UsageError, match='"oder" was not generated here') as fault:
        updates(workspace, ["oder"])
    assert fault.value.hint == 'did you mean "order"?'


def test_the_commands(workspace: Path, nexus: Run, tmp_path: Path) -> None:
    """A team's own template, in git: its next tag reaches the services that came from it."""
    ours = tmp_path / "ours"
    (ours / "template").mkdir(parents=True)
    (ours / "copier.yml").write_text("_subdirectory: template\nname:\n  type: str\n")
    (ours / "template" / "notes.txt").write_text(LINES)
    git(ours, "init", "--quiet")
    commit(ours)
    git(ours, "tag", "v1")
    (workspace / ".gitignore").write_text("/.nexus/\n")
    git(workspace, "init", "--quiet")
    made = nexus("generate", "app", "order", "--uses", "none", "--template", str(ours))
    assert made.returncode == 0, made.stderr
    notes = workspace / "services" / "order" / "notes.txt"
    notes.write_text(LINES.replace("line 3\n", "line 3, as I say it\n"))
    commit(workspace)
    current = nexus("outdated")
    assert (current.returncode, current.stdout) == (0, "everything is as it would be generated now\n")
    (ours / "template" / "notes.txt").write_text(LINES.replace("line 18\n", "line 18, as of now\n"))
    commit(ours)
    git(ours, "tag", "v2")
    behind = nexus("outdated", "-o", "json")
    assert behind.returncode == 10, behind.stderr
    (entry,) = json.loads(behind.stdout)
    assert (entry["name"], entry["version"], entry["conflicts"]) == ("order", "v1", [])
    dry = nexus("update", "--all", "--dry-run", "--diff")
    assert dry.returncode == 0
    assert "+line 18, as of now\n" in dry.stdout
    assert "as of now" not in notes.read_text()
    done = nexus("update", "order")
    assert done.returncode == 0, done.stderr
    assert "updated  services/order/notes.txt" in done.stdout
    assert "as I say it" in notes.read_text()
    assert "as of now" in notes.read_text()
    assert nexus("outdated").returncode == 0
    assert nexus("update").returncode == 2


@pytest.mark.parametrize("kind", ["fastapi", "go"])
def test_a_fresh_service_is_up_to_date(workspace: Path, nexus: Run, kind: str) -> None:
    assert nexus("generate", "app", "order", "--type", kind).returncode == 0
    done = nexus("outdated")
    assert (done.returncode, done.stdout) == (0, "everything is as it would be generated now\n")
