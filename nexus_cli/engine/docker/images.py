"""Images on an engine: which are there, and how they come there: pulled or built."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_cli.engine.docker import buildkit
from nexus_cli.engine.docker.client import Conflict, NotFound, advice, default_registry, translated
from nexus_cli.engine.engine import Progress
from nexus_cli.errors import NexusError

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

_LINES = 20
_BLOCK = 1 << 20
_TOLD = 50 << 20
_EXIT = re.compile(r"(?:executor failed running|did not complete successfully).*: exit code: (\d+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def present(client: DockerClient) -> frozenset[str]:
    """The names and identities of all images that the engine has, and what their content is pinned by."""
    with translated():
        found = client.api.images()
    names = (name for image in found for key in ("RepoTags", "RepoDigests") for name in image.get(key) or ())
    return frozenset(map(full_name, (*names, *(image["Id"] for image in found))))


def full_name(reference: str) -> str:
    """An image's name as it is listed: with a tag, without Docker's registry or Podman's word for none."""
    name = reference.removeprefix("localhost/")
    if name.startswith("docker.") and "/" in name:  # perhaps: only the SDK knows, and it is long in loading
        name = name.removeprefix(f"{default_registry()}/")
    name = name.removeprefix("library/")
    if "@" in name:
        return name
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def is_present(reference: str, names: Container[str]) -> bool:
    """Whether an image is among those that the engine has; what pins its content counts before its tag."""
    name = full_name(reference)
    repository, pin, digest = name.partition("@")
    host, slash, last = repository.rpartition("/")
    return (f"{host}{slash}{last.partition(':')[0]}@{digest}" if pin else name) in names


def pull(client: DockerClient, reference: str, progress: Progress) -> None:
    """Pull an image, saying which layers come."""
    doing = f"cannot pull {reference}"
    try:
        with translated():
            events = client.api.pull(full_name(reference), stream=True, decode=True)
    except NexusError as fault:
        raise NexusError(f"{doing}: {fault.message}", hint=fault.hint or _hint(fault.message)) from fault
    with translated():
        for event in events:
            _raise_error(event, doing)
            if event.get("status") in {"Pull complete", "Download complete"}:
                progress(f"{event.get('id', '')}: {event['status'].lower()}")


def build_image(
    client: DockerClient,
    context: bytes,
    reference: str,
    *,
    dockerfile: str = "Dockerfile",
    target: str | None = None,
    args: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    progress: Progress,
) -> None:
    """Build an image from a context archive; a failing step is named with the last lines that it printed.

    By BuildKit, where the engine has it. That knows no login of a registry unless a client stays to be asked:
    where it cannot have what an image is built on, the classic builder is told, with the logins.
    """
    asked = {
        "dockerfile": dockerfile,
        "target": target or "",
        "args": dict(args or {}),
        "labels": dict(labels or {}),
    }
    if not buildkit.available(client) or not _build_by_buildkit(client, context, reference, asked, progress):
        _build_classic(client, context, reference, asked, progress)


def _build_by_buildkit(
    client: DockerClient, context: bytes, reference: str, asked: Mapping[str, Any], progress: Progress
) -> bool:
    """Whether BuildKit could have the images that it had to build on; any other fault is raised."""
    parameters = {
        "t": reference,
        "dockerfile": asked["dockerfile"],
        "target": asked["target"],
        "buildargs": json.dumps(asked["args"]),
        "labels": json.dumps(asked["labels"]),
    }
    seen = buildkit.Progress()
    with translated():
        for event in buildkit.events(client, context, parameters):
            for step in seen.take(event):
                progress(step)
            if "error" in event and seen.baseless:
                return False
            said = _COLOUR.sub("", "\n".join(seen.lines)).splitlines()
            at = f" at {seen.step}" if seen.step else ""
            _raise_error(event, f"building {reference} failed{at}", said[-_LINES:])
    return True


def _build_classic(
    client: DockerClient, context: bytes, reference: str, asked: Mapping[str, Any], progress: Progress
) -> None:
    said: list[str] = []
    step = ""
    with translated():
        for event in client.api.build(
            fileobj=io.BytesIO(context),
            custom_context=True,
            dockerfile=asked["dockerfile"],
            tag=reference,
            target=asked["target"] or None,
            buildargs=asked["args"],
            labels=asked["labels"],
            rm=True,
            forcerm=True,
            decode=True,
        ):
            text = str(event.get("stream", "")).rstrip()
            if text.startswith("Step "):
                step = text
                progress(text)
            elif text and not text.startswith((" --->", "Removing intermediate container")):
                said.extend(_COLOUR.sub("", text).splitlines())
            _raise_error(event, f"building {reference} failed at {step}", said[-_LINES:])


def sizes(client: DockerClient) -> dict[str, int]:
    """The size in bytes of every image by its names, as they are usually written."""
    with translated():
        found = client.api.images()
    names = ((image, tag) for image in found for tag in image.get("RepoTags") or ())
    return {full_name(tag): int(image["Size"]) for image, tag in names}


def exported(client: DockerClient, references: Sequence[str]) -> Iterator[bytes]:
    """An archive of several images, block by block; the SDK's own call knows only one."""
    api: Any = client.api
    with translated():
        url = api._url("/images/get")  # noqa: SLF001
        response = api._get(url, params={"names": list(references)}, stream=True, timeout=None)  # noqa: SLF001
        yield from api._stream_raw_result(response, _BLOCK, decode=False)  # noqa: SLF001


def load(client: DockerClient, path: Path) -> Iterator[str]:
    """Load the images of an archive, compressed or not; a line for each."""
    try:
        api: Any = client.api
        with path.open("rb") as archive, translated():
            for event in api.load_image(archive):
                _raise_error(event, f"cannot load {path}")
                if "stream" in event:
                    yield str(event["stream"]).strip()
    except OSError as error:
        raise NexusError(f"cannot read {path}: {error.strerror}") from error


def copy(origin: DockerClient, target: DockerClient, names: Mapping[str, str], progress: Progress) -> None:
    """Bring images from one engine to another, as they are; they are given by identity and name."""

    def told() -> Iterator[bytes]:
        sent = 0
        for block in exported(origin, [*names]):
            before, sent = sent, sent + len(block)
            if before // _TOLD != sent // _TOLD:
                progress(f"{sent >> 20} MB have come")
            yield block

    api: Any = target.api
    with translated():
        for event in api.load_image(told()):
            _raise_error(event, "cannot bring images from one engine to another")
    missing = names.keys() - present(target)
    if missing:
        raise NexusError(
            f"{', '.join(sorted(names[image] for image in missing))} came with another identity",
            hint="both engines have to store images in the same way: see `docker info`, `Storage Driver`",
        )
    with translated():
        for image, name in names.items():
            repository, _, tag = name.rpartition(":")
            api.tag(image, repository, tag)


def architectures(client: DockerClient, identities: Collection[str]) -> dict[str, str]:
    """What machines each image is for, such as `amd64`."""
    api: Any = client.api
    with translated():
        return {identity: api.inspect_image(identity)["Architecture"] for identity in identities}


def native(client: DockerClient) -> str:
    """What the engine's own machine is."""
    with translated():
        return str(client.version()["Arch"])


def named(client: DockerClient, wanted: Mapping[str, Collection[str]]) -> list[str]:
    """What images are called that have one of the wanted repositories, which are given by identity."""
    with translated():
        found = client.api.images()
    return sorted(
        name
        for image in found
        for name in image.get("RepoTags") or ()
        if full_name(name).rpartition(":")[0] in wanted.get(image["Id"], ())
    )


def remove(client: DockerClient, names: Sequence[str]) -> list[str]:
    """Remove images by these names, and say which went; others' names for the same image stay, with it."""
    gone = []
    for name in names:
        with contextlib.suppress(NotFound, Conflict), translated():  # a container may be of it
            client.api.remove_image(name)
            gone.append(name)
    return gone


def remove_labelled(client: DockerClient, label: str) -> None:
    """Remove the images with a label that nothing uses."""
    with translated():
        found = client.api.images(filters={"label": label})
    for image in found:
        with contextlib.suppress(NotFound, Conflict), translated():
            client.api.remove_image(image["Id"], force=True)


def _raise_error(event: Mapping[str, Any], doing: str, said: Sequence[str] = ()) -> None:
    if "error" in event:
        message = " ".join(str(event["error"]).split())
        ended = _EXIT.search(message)
        code = event.get("errorDetail", {}).get("code") or (ended and ended[1])
        message = f"exit code {code}" if code else message
        raise NexusError("\n".join([f"{doing}: {message}", *said]), hint=_hint("\n".join([message, *said])))


def _hint(message: str) -> str | None:
    unreached = any(word in message.lower() for word in ("lookup", "connection refused"))
    return "without the registry, build the images: `nexus images build`" if unreached else advice(message)
