"""nexus init: a whole workspace, or nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from pytest_snapshot.plugin import Snapshot
from scaffolding import Run, ignore, tree

from nexus_cli import __version__
from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.rules import find_all
from nexus_cli.blueprint.schema import json_schema
from nexus_cli.errors import UsageError
from nexus_cli.events import Event, Note
from nexus_cli.scaffold.outcome import Choice
from nexus_cli.scaffold.workspace import SCHEMA, create
from tests.conftest import running

HOSTILE = 'It\'s "quoted" {{ 7 * 7 }} {% x %} # : & * ! | > % @ ` ü 漢字 🚀 \\n $HOME ${x}'


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def test_the_tree_is_as_recorded(shop: Path, snapshot: Snapshot) -> None:
    snapshot.snapshot_dir = Path(__file__).parent / "golden"
    files = {path: content for path, content in tree(shop).items() if path != SCHEMA}
    text = "".join(f"==> {path}\n{content.decode()}\n" for path, content in files.items())
    snapshot.assert_match(text.replace(f"_commit: {__version__}\n", "_commit: VERSION\n"), "workspace.txt")


def test_the_schema_that_the_editor_is_told_of_is_there_and_in_git(shop: Path) -> None:
    settings = json.loads((shop / ".vscode" / "settings.json").read_text())
    (said,) = settings["yaml.schemas"]
    assert Path(said) == Path(SCHEMA)
    assert json.loads((shop / said).read_text()) == json_schema()
    assert SCHEMA in git(shop, "ls-files")


def test_the_command_writes_commits_and_says_what_is_next(tmp_path: Path, nexus: Run) -> None:
    done = nexus("init", "shop", "--defaults", cwd=tmp_path)
    assert "created  nexus.yaml" in done.stdout.splitlines()
    assert "next: cd shop" in done.stderr
    assert git(tmp_path / "shop", "log", "--format=%an %s") == "Ada Start the platform shop\n"
    assert git(tmp_path / "shop", "status", "--porcelain") == ""
    assert find_all(tmp_path / "shop") == []


def test_json_is_for_programs(tmp_path: Path, nexus: Run) -> None:
    done = nexus("init", "shop", "--output", "json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert answer["root"] == str(tmp_path / "shop")
    assert {"path": "nexus.yaml", "status": "created"} in answer["changes"]


def test_a_dry_run_writes_nothing(tmp_path: Path, nexus: Run) -> None:
    done = nexus("init", "shop", "--dry-run", cwd=tmp_path)
    assert "nexus.yaml" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "docs").mkdir()
    notes: list[Event] = []
    outcome = create("shop", tmp_path, Choice(), notes.append)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert {change.path for change in outcome.changes if change.status == "kept"} == {"README.md"}
    assert not (tmp_path / ".git").exists()
    assert any(isinstance(note, Note) and "nothing was committed" in note.message for note in notes)
    assert load(tmp_path).name == "shop"


def test_workspaces_are_not_nested_or_made_twice(shop: Path) -> None:
    before = tree(shop)
    with pytest.raises(UsageError, match="is a workspace already"):
        create("shop", shop, Choice(), ignore)
    with pytest.raises(UsageError, match="lies inside the workspace"):
        create("inner", shop / "services/inner", Choice(), ignore)
    (shop / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        create("inner", shop / "file", Choice(), ignore)
    (shop / "file").unlink()
    assert tree(shop) == before


@pytest.mark.parametrize(
    "name", ["Shop", "1shop", "my shop", "shop_x", "-shop", "shop-", "a" * 41, "../x", "ü", ""]
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a platform"):
        create(name, tmp_path / "x", Choice(), ignore)
    assert list(tmp_path.iterdir()) == []


def test_hostile_answers_give_valid_files(tmp_path: Path) -> None:
    data = {"title": HOSTILE, "owner": HOSTILE, "registry": "registry.example/acme"}
    create("shop", tmp_path / "shop", Choice(data=data), ignore)
    spec = load(tmp_path / "shop").spec
    assert (spec.title, spec.registry) == (HOSTILE, "registry.example/acme")
    assert yaml.safe_load((tmp_path / "shop/.copier-answers.yml").read_text())["owner"] == HOSTILE


@pytest.mark.parametrize(
    "data",
    [{"title": "two\nlines"}, {"title": "bell\x07"}, {"nosuch": "x"}, {"license": "GPL"}, {"name": "x"}],
)
def test_answers_that_cannot_be_are_refused(tmp_path: Path, data: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        create("shop", tmp_path / "shop", Choice(data=data), ignore)
    assert list(tmp_path.iterdir()) == []


def test_without_an_identity_everything_is_staged(tmp_path: Path, nexus: Run) -> None:
    nobody = {key: "" for key in os.environ if key.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
    done = nexus("init", "shop", cwd=tmp_path, env={**nobody, "HOME": str(tmp_path), "EMAIL": ""})
    assert "git does not know your name" in done.stderr
    staged = git(tmp_path / "shop", "diff", "--cached", "--name-only").splitlines()
    assert "nexus.yaml" in staged


def test_inside_another_repository_it_becomes_a_part_of_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    create("shop", tmp_path / "platforms/shop", Choice(), ignore)
    assert not (tmp_path / "platforms/shop/.git").exists()


def test_a_folder_that_cannot_be_written_is_an_error_without_traceback(tmp_path: Path, nexus: Run) -> None:
    (tmp_path / "file").write_text("")
    done = nexus("init", "shop", "--directory", str(tmp_path / "file" / "x"), cwd=tmp_path, code=1)
    assert "cannot write" in done.stderr


def test_what_was_compiled_is_kept_unless_it_is_broken_or_others_could_write_it(tmp_path: Path) -> None:
    nexus, kept = running(tmp_path), tmp_path / "cache" / "nexus" / "templates"
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def made(name: str) -> bytes:
        (tmp_path / name).mkdir()
        done = nexus("init", "shop", cwd=tmp_path / name, **env)
        assert done.returncode == 0, done.stderr
        return (tmp_path / name / "shop" / "README.md").read_bytes()

    first = made("one")
    files = sorted(kept.iterdir())
    assert files
    assert kept.stat().st_mode & 0o777 == 0o700
    moments = [path.stat().st_mtime_ns for path in files]
    assert made("two") == first
    assert [path.stat().st_mtime_ns for path in sorted(kept.iterdir())] == moments
    for path in files:
        path.write_bytes(path.read_bytes()[:-20])
    assert made("three") == first
    assert all(path.stat().st_size > 20 for path in sorted(kept.iterdir()))
    for path in files:
        path.write_bytes(b"")
    kept.chmod(0o770)
    assert made("four") == first
    assert {path.stat().st_size for path in kept.iterdir()} == {0}
