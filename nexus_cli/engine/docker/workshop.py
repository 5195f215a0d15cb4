"""Makes images by recipe: the base from the distribution, everything else on it."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_cli.engine import tools
from nexus_cli.engine.docker.client import NotFound, translated
from nexus_cli.engine.docker.images import build_image
from nexus_cli.engine.docker.recipes import BASE, CERTIFICATES, IMPORTED, LABEL, RECIPES, SUITE
from nexus_cli.engine.engine import Progress
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.process import run
from nexus_cli.unit import Wheel

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

BASE_IMAGE = f"nexus/{BASE}:{SUITE}"
_SECONDS = 900.0


def recipe_of(client: DockerClient, reference: str) -> str | None:
    """The digest of the recipe that an image was made by; nothing for one from elsewhere, or none."""
    try:
        found = _inspect(client, reference)
    except NotFound:
        return None
    return (found["Config"].get("Labels") or {}).get(LABEL)


def _inspect(client: DockerClient, reference: str) -> dict[str, Any]:
    api: Any = client.api
    with translated():
        found: dict[str, Any] = api.inspect_image(reference)
    return found


def make_base(client: DockerClient, progress: Progress) -> None:
    """Make the base image, unless it is there."""
    if recipe_of(client, BASE_IMAGE) == SUITE:
        return
    certificates = Path(CERTIFICATES)
    trusted = (
        [f"--customize-hook=copy-in {certificates} {certificates.parent}"] if certificates.is_file() else []
    )
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "root.tar"
        progress(f"{BASE} {SUITE}: installing the smallest system")
        done = run(
            [
                *("mmdebstrap", "--variant=minbase", "--include=ca-certificates,usr-is-merged"),
                *("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--dpkgopt=force-unsafe-io"),
                *('--aptopt=Dir::Cache::pkgcache ""', '--aptopt=Dir::Cache::srcpkgcache ""'),
                *(*trusted, SUITE, str(archive)),
            ],
            timeout=_SECONDS,
        )
        if done.code:
            raise NexusError(f"the base image could not be made: {done.last_line}")
        with translated():
            client.api.import_image_from_file(
                str(archive),
                repository=BASE_IMAGE.partition(":")[0],
                tag=SUITE,
                changes=[*IMPORTED, f"LABEL {LABEL}={SUITE}"],
            )


def make(client: DockerClient, name: str, reference: str, wheel: Wheel | None, progress: Progress) -> bool:
    """Make an image by its recipe under a reference, unless it is there; whether it had to be made."""
    recipe = RECIPES[name]
    if recipe.wheel and wheel is None:
        raise UsageError(f'"{name}" has no wheel, from which its image could be made')
    files = {"Dockerfile": f"FROM {BASE_IMAGE}\n{recipe.dockerfile}", **recipe.texts()}
    program = wheel.requirement if recipe.wheel and wheel else ""
    if wheel is not None and wheel.lock:
        program = files["requirements.lock"] = tools.pins(wheel).read_text(encoding="utf-8")
    digest = recipe.digest(str(_inspect(client, BASE_IMAGE)["Id"]), program)
    if recipe_of(client, reference) == digest:
        return False
    tree = None
    if recipe.wheel and wheel is not None:
        tools.install(wheel, progress)
        tree = tools.folder(wheel)
    build_image(client, _context(files, tree), reference, labels={LABEL: digest}, progress=progress)
    return True


def _context(files: dict[str, str], tree: Path | None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            data = text.encode()
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
        if tree is not None:
            tar.add(tree, "wheel", filter=_readable)
    return buffer.getvalue()


def _readable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owned by root, readable by all, executable where it was; without times, so that layers are the same."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = "root"
    entry.mode |= 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
