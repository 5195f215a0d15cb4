"""Git, as far as workspaces and updates need it. The only importer of GitPython."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_cli.errors import NexusError
from nexus_cli.events import Emit, Note

if TYPE_CHECKING:
    from git import Repo

_HISTORY = 500  # commits in which a file's earlier content is looked for
_MOST_CONFLICTS = 127
_IDENTITY = "git config --global user.name NAME && git config --global user.email ADDRESS"


def initialise(folder: Path, message: str, emit: Emit) -> bool:
    """Make `folder` a repository with everything in its first commit; says whether that commit was made.

    A folder that lies in a repository stays a part of it. Without an identity of the user everything is
    staged and the commit left to them: a history should not begin under a made-up name.
    """
    if not shutil.which("git"):
        emit(Note("git is not installed: the workspace is not under version control", "warning"))
        return False
    import git

    outer = _outer(folder)
    if outer is not None:
        emit(Note(f"the workspace belongs to the git repository {outer}; commit it there"))
        return False
    try:
        repository = git.Repo.init(folder, initial_branch="main")
        repository.git.add("--all")
    except git.GitError as error:
        emit(Note(f"git failed: {_sentence(error)}", "warning", f"run it yourself in {folder}"))
        return False
    with repository:
        return _commit(repository, message, emit)


def _commit(repository: Repo, message: str, emit: Emit) -> bool:
    import git

    try:
        repository.git.execute(["git", "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"])
    except git.GitError:
        emit(
            Note("git does not know your name: everything is staged, nothing committed", "warning", _IDENTITY)
        )
        return False
    try:
        repository.git.commit("--quiet", "--no-verify", "--message", message)
    except git.GitError as error:
        emit(Note(f"everything is staged, but git could not commit: {_sentence(error)}", "warning"))
        return False
    return True


def _outer(folder: Path) -> Path | None:
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)


def _sentence(error: Exception) -> str:
    text = str(getattr(error, "stderr", "") or error).replace("stderr:", "").strip(" \n'")
    return text.splitlines()[-1].strip() if text else type(error).__name__


def uncommitted(folder: Path, path: str) -> list[str]:
    """What below a path differs from the last commit or is not in git; nothing outside a repository."""
    repository = _repository(folder)
    if repository is None:
        return []
    with repository:
        said: str = repository.git.execute(
            ["git", "-C", str(folder), "status", "--porcelain", "--no-renames", "-z", "--", path]
        )
    return [entry[3:] for entry in said.split("\0") if entry]


def content(folder: Path, path: str, digest: str) -> bytes | None:
    """The content of that SHA-256 which a file had in some commit; nothing if it never had."""
    from hashlib import sha256

    repository = _repository(folder)
    if repository is None:
        return None
    with repository:
        top = Path(str(repository.working_tree_dir))
        inside = (folder / path).resolve().relative_to(top.resolve()).as_posix()
        seen: set[str] = set()
        for commit in repository.iter_commits(paths=inside, max_count=_HISTORY):
            try:
                blob = commit.tree / inside
            except KeyError:
                continue
            if blob.hexsha in seen:
                continue
            seen.add(blob.hexsha)
            found: bytes = blob.data_stream.read()
            if sha256(found).hexdigest() == digest:
                return found
    return None


def merge(mine: bytes, base: bytes, theirs: bytes, labels: tuple[str, str, str]) -> tuple[bytes, bool]:
    """Both sides put together by git, and whether it could do so without a conflict; else with its marks."""
    import tempfile

    import git

    with tempfile.TemporaryDirectory(prefix="nexus-merge-") as folder:
        names = []
        for name, text in (("mine", mine), ("base", base), ("theirs", theirs)):
            (Path(folder) / name).write_bytes(text)
            names.append(str(Path(folder) / name))
        named = [word for label in labels for word in ("-L", label)]
        status, merged, said = git.Git(folder).execute(
            ["git", "merge-file", "-p", *named, *names],
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
        )
    if status > _MOST_CONFLICTS or status < 0:
        raise NexusError(f"git cannot merge it: {str(said).strip() or status}", hint="merge it by hand")
    return bytes(merged), status == 0


def _repository(folder: Path) -> Repo | None:
    """The repository that a folder lies in, if git is there and it has a commit."""
    if not shutil.which("git"):
        return None
    import git

    try:
        repository = git.Repo(folder, search_parent_directories=True)
    except git.InvalidGitRepositoryError:
        return None
    if not repository.head.is_valid():
        repository.close()
        return None
    return repository


@dataclass(frozen=True, slots=True)
class Revision:
    """What is checked out: the commit's full hash, its newest tag if it has one, and what differs from it."""

    commit: str
    tag: str
    changed: tuple[str, ...]


def revision(folder: Path) -> Revision | None:
    """What is checked out around a folder; nothing outside a repository, or before its first commit."""
    repository = _repository(folder)
    if repository is None:
        return None
    with repository:
        command = ["git", "tag", "--points-at", "HEAD", "--sort=-version:refname"]
        tags: str = repository.git.execute(command)
        commit = repository.head.commit.hexsha
    return Revision(commit, next(iter(tags.split()), ""), tuple(uncommitted(folder, ".")))


_MAIN = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def changed(folder: Path) -> tuple[str, list[str]] | None:
    """The main branch, and what of a folder differs from where this work left it; nothing outside git."""
    repository = _repository(folder)
    if repository is None:
        return None
    import git

    with repository:
        for name in _MAIN:
            try:
                base = repository.git.merge_base(name, "HEAD")
            except git.GitError:
                continue
            said: str = repository.git.execute(
                ["git", "-C", str(folder), "diff", "--name-only", "--no-renames", "--relative", "-z", base]
            )
            found = {path for path in said.split("\0") if path}
            top = Path(str(repository.working_tree_dir)).resolve()
            for path in uncommitted(folder, "."):
                found.add((top / path).relative_to(folder.resolve()).as_posix())
            return name, sorted(found)
    return None


def email() -> str:
    """The person's address as git knows it; empty when it knows none."""
    if not shutil.which("git"):
        return ""
    import git

    status, said, _ = git.Git().execute(
        ["git", "config", "user.email"], with_extended_output=True, with_exceptions=False
    )
    return str(said).strip() if status == 0 else ""
