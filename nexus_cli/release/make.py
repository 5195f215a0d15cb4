"""Making a release: what is checked out, under a version, built once and written into the ledger."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

from nexus_cli import repo
from nexus_cli.blueprint.model import Platform
from nexus_cli.errors import UsageError
from nexus_cli.events import Emit, Note
from nexus_cli.release import artifact
from nexus_cli.release.estate import releases
from nexus_cli.release.ledger import Ledger
from nexus_cli.release.lock import actor
from nexus_cli.release.record import Artifact, Release
from nexus_cli.workspace import Workspace

_SHORT = 12


def release_of(
    workspace: Workspace,
    platform: Platform,
    ledger: Ledger,
    emit: Emit,
    *,
    version: str | None = None,
    reason: str = "",
    dirty: bool = False,
    keep: bool = True,
) -> Release:
    """The release of what is checked out: the one that there is of it, else a new one.

    A `version` that there is means that release, whatever is checked out. What is not committed is refused
    unless `dirty`; then the version says so. Without `keep`, nothing is written into the ledger.
    """
    known = releases(ledger)
    if version in known:
        return known[version]
    state = repo.revision(workspace.root)
    if state is None and version is None:
        raise UsageError(
            "what should the release be called? there is no git commit to name it after",
            hint="commit your work, or give --version",
        )
    if state is not None and state.changed and not dirty:
        shown = ", ".join(state.changed[:3]) + (" …" if len(state.changed) > 3 else "")  # noqa: PLR2004
        raise UsageError(
            f"not everything is committed: {shown}",
            hint="commit it, or release it as it is with --allow-dirty",
        )
    unclean = bool(state and state.changed)
    artifacts = {name: artifact.collect(workspace, platform, s) for name, s in platform.services.items()}
    blueprints = {source.file: source.text for source in platform.sources.values()}
    name = version or _name(state, blueprints, artifacts)
    if name in known:
        return known[name]
    commit = state.commit if state else ""
    release = Release(name, commit, unclean, actor(), reason, round(time.time(), 3), blueprints, artifacts)
    if keep:
        ledger.append("", "release", release.as_dict())
        emit(
            Note(f"release {name} of {len(artifacts)} services" + (" (not all committed)" if unclean else ""))
        )
    return release


def _name(
    state: repo.Revision | None, blueprints: Mapping[str, str], artifacts: Mapping[str, Artifact]
) -> str:
    """The tag, else the beginning of the commit; of what is not committed its content too."""
    assert state is not None  # noqa: S101 - else a version was demanded
    base = state.tag or state.commit[:_SHORT]
    if not state.changed:
        return base
    told = repr((sorted(blueprints.items()), sorted((n, a.digest) for n, a in artifacts.items())))
    return f"{base}-dirty.{hashlib.sha256(told.encode()).hexdigest()[:8]}"
