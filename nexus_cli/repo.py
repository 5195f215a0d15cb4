"""Git, as far as a new workspace needs it. The only importer of GitPython."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_cli.events import Emit, Note

if TYPE_CHECKING:
    from git import Repo

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
