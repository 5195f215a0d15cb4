"""Images on an engine: which are there, and how they come there: pulled or built."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nexus_cli.engine.docker.client import Conflict, NotFound, translated
from nexus_cli.engine.engine import Progress
from nexus_cli.errors import NexusError

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient

_LINES = 20


def present(client: DockerClient) -> frozenset[str]:
    """The names of all images that the engine has."""
    with translated():
        found = client.api.images()
    return frozenset(tag for image in found for tag in image.get("RepoTags") or ())


def pull(client: DockerClient, reference: str, progress: Progress) -> None:
    """Pull an image, saying which layers come."""
    with translated():
        for event in client.api.pull(reference, stream=True, decode=True):
            _raise_error(event, f"cannot pull {reference}")
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
    """Build an image from a context archive; a failing step is named with the last lines that it printed."""
    said: list[str] = []
    step = ""
    with translated():
        for event in client.api.build(
            fileobj=io.BytesIO(context),
            custom_context=True,
            dockerfile=dockerfile,
            tag=reference,
            target=target,
            buildargs=dict(args or {}),
            labels=dict(labels or {}),
            rm=True,
            forcerm=True,
            decode=True,
        ):
            text = str(event.get("stream", "")).rstrip()
            if text.startswith("Step "):
                step = text
                progress(text)
            elif text:
                said.append(text)
            last = "\n  ".join(["", *said[-_LINES:]])
            _raise_error(event, f"building {reference} failed at {step}{last}")


def remove_labelled(client: DockerClient, label: str) -> None:
    """Remove the images with a label that nothing uses."""
    with translated():
        found = client.api.images(filters={"label": label})
    for image in found:
        with contextlib.suppress(NotFound, Conflict), translated():
            client.api.remove_image(image["Id"], force=True)


def _raise_error(event: Mapping[str, Any], doing: str) -> None:
    if "error" in event:
        message = " ".join(str(event["error"]).split())
        raise NexusError(f"{doing}: {message}", hint=_hint(message))


def _hint(message: str) -> str | None:
    known: Iterable[tuple[str, str]] = (
        ("denied", "the registry asks for a login: run `docker login` for it"),
        ("unauthorized", "the registry asks for a login: run `docker login` for it"),
        ("no space left", "free some space: `docker system df` says what takes it"),
        ("lookup", "without the registry, build the images: `nexus images build`"),
        ("connection refused", "without the registry, build the images: `nexus images build`"),
    )
    return next((hint for word, hint in known if word in message.lower()), None)
