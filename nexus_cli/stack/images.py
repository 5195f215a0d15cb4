"""The images that a platform needs, and the plans that bring them onto an engine."""

from __future__ import annotations

import gzip
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_cli.apply import Outcome, apply
from nexus_cli.blueprint.images import BASE_IMAGES, base_images, component_image
from nexus_cli.blueprint.load import catalogue_components, did_you_mean, load
from nexus_cli.blueprint.model import Component, Platform, Service
from nexus_cli.blueprint.types import SERVICE_TYPES
from nexus_cli.engine.docker import images as store
from nexus_cli.engine.docker import workshop
from nexus_cli.engine.docker.recipes import BASE, RECIPES
from nexus_cli.engine.tools import TOOLCHAINS
from nexus_cli.errors import NexusError, UsageError
from nexus_cli.events import Emit, StepProgress
from nexus_cli.plan import Plan, Step
from nexus_cli.stack.forms import wheel
from nexus_cli.unit import Wheel

if TYPE_CHECKING:
    from nexus_cli.engine.docker.client import DockerClient


@dataclass(frozen=True, slots=True)
class Needed:
    """An image by the name of the base or component that it is for; `by` is who needs it."""

    name: str
    reference: str
    by: tuple[str, ...] = ()
    wheel: Wheel | None = None

    @property
    def recipe(self) -> bool:
        """Whether it can be made without a registry."""
        return self.name in RECIPES


def needed(platform: Platform) -> list[Needed]:
    """The images of a platform: the bases of its services, and those of its components."""
    bases = base_images(platform)
    found = []
    for base in sorted(bases):
        users = tuple(
            service.name
            for service in platform.services.values()
            if (kind := SERVICE_TYPES.get(service.type))
            and base in kind.images
            and _stands_on(platform, service, base)
        )
        if users:
            found.append(Needed(base, bases[base], users, TOOLCHAINS.get(base)))
    for component in platform.components.values():
        reference = component_image(platform, component)
        if reference is not None and component.build is None:
            found.append(_of(component, reference))
    return found


def _stands_on(platform: Platform, service: Service, base: str) -> bool:
    """Whether a service's image is made of a base: its Dockerfile may be the person's own."""
    try:
        text = (platform.root / service.source / "Dockerfile").read_text(encoding="utf-8")
    except OSError:
        return True
    return f"{base.upper()}_IMAGE" in text


def bundled(names: Sequence[str]) -> list[Needed]:
    """The named bases and components of the catalogue, by default all that have a recipe."""
    found = []
    for name in names or RECIPES:
        if name in BASE_IMAGES:
            found.append(Needed(name, BASE_IMAGES[name], wheel=TOOLCHAINS.get(name)))
            continue
        component = catalogue_components().get(name)
        if component is None:
            known = {*BASE_IMAGES, *catalogue_components()}
            hint = did_you_mean(name, known) or f"there are {', '.join(sorted(known))}"
            raise UsageError(f'unknown image "{name}"', hint=hint)
        if component.image:
            found.append(_of(component, component.image))
    return found


def wanted(root: Path | None, names: Sequence[str]) -> list[Needed]:
    """The named images, or all: a workspace's own where it needs them, else the catalogue's."""
    own = needed(load(root)) if root is not None else []
    if not names and root is not None:
        return own
    known = {image.name: image for image in own}
    return [known.get(name) or bundled([name])[0] for name in names] if names else bundled([])


def _of(component: Component, reference: str) -> Needed:
    embedded, recipe = component.embedded, RECIPES.get(component.name)
    toolchain = TOOLCHAINS.get(recipe.toolchain) if recipe else None
    program = wheel(embedded) if embedded else toolchain
    return Needed(component.name, reference, (component.name,), program)


def build(client: DockerClient, images: Sequence[Needed], emit: Emit) -> Outcome:
    """Make the images that have a recipe, side by side; those that are there as described stay."""
    able = {image.name: image for image in images if image.recipe}
    first = Step("prepare", BASE, "what all others are made on")
    steps = [Step("prepare", name, able[name].reference, (first.id,)) for name in able]

    def execute(step: Step) -> str:
        def progress(text: str) -> None:
            emit(StepProgress(step.id, step.unit, text))

        if step.unit == BASE:
            workshop.make_base(client, progress)
            return workshop.BASE_IMAGE
        image = able[step.unit]
        made = workshop.make(client, image.name, image.reference, image.wheel, progress)
        return image.reference if made else f"{image.reference} is there"

    return apply(Plan("build images", (first, *steps)), execute, emit, threading.Event(), workers=3)


def pull(client: DockerClient, images: Sequence[Needed], emit: Emit) -> Outcome:
    """Pull the images, side by side."""
    steps = tuple(Step("prepare", image.name, image.reference) for image in images)
    references = {image.name: image.reference for image in images}

    def execute(step: Step) -> str:
        store.pull(client, references[step.unit], lambda t: emit(StepProgress(step.id, step.unit, t)))
        return references[step.unit]

    return apply(Plan("pull images", steps), execute, emit, threading.Event(), workers=4)


def have(client: DockerClient, platform: Platform, names: AbstractSet[str], emit: Emit) -> None:
    """Pull what the engine lacks of the images that the named services and components stand on.

    What cannot be had is known before anything is built or started, and told at once, with the way out.
    """
    there = store.present(client)
    lacking = [
        image
        for image in needed(platform)
        if not names.isdisjoint(image.by) and not store.is_present(image.reference, there)
    ]
    if not lacking:
        return
    failed = pull(client, lacking, emit)
    if failed.interrupted:
        raise KeyboardInterrupt
    missing = [image for image in lacking if f"prepare {image.name}" in failed.failed]
    if missing:
        raise lacks(missing)


def lacks(missing: Sequence[Needed]) -> NexusError:
    """The fault that images are neither there nor to be had, and what a person can do about each."""
    able = [image.name for image in missing if image.recipe]
    unable = [image.name for image in missing if not image.recipe]
    ways = [f"`nexus images build {' '.join(able)}` makes them here, without a registry"] if able else []
    if unable:
        ways.append(
            f"bring {', '.join(unable)} from a machine that reaches the registry "
            "(`nexus images save` there, `nexus images load` here), name other images in `images:` of "
            "nexus.yaml, or take them out of `include`"
        )
    lines = [f"  {image.reference}  ({image.name}, for {', '.join(image.by)})" for image in missing]
    count = "an image is" if len(missing) == 1 else f"{len(missing)} images are"
    message = f"{count} missing, so that nothing was built or started:"
    return NexusError("\n".join([message, *lines]), hint="; ".join(ways))


def save(client: DockerClient, images: Sequence[Needed], path: Path) -> int:
    """Write the images as one archive, compressed if its name ends in .gz; the number of bytes."""
    missing = [image.reference for image in images if image.reference not in store.present(client)]
    if missing:
        raise NexusError(
            f"not on the engine: {', '.join(missing)}", hint="`nexus images pull` or `nexus images build`"
        )
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as plain:
            target = gzip.GzipFile(fileobj=plain, mode="wb", mtime=0) if path.suffix == ".gz" else plain
            for block in store.exported(client, [image.reference for image in images]):
                target.write(block)
            if target is not plain:
                target.close()
            plain.flush()
            os.fsync(plain.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        raise NexusError(f"cannot write {path}: {error.strerror}", hint="nothing was changed") from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path.stat().st_size


def report(client: DockerClient, images: Sequence[Needed]) -> Iterator[dict[str, object]]:
    """What is known of each image: whether the engine has it, its size in bytes, and where it comes from."""
    sizes = store.sizes(client)
    for image in images:
        made = workshop.recipe_of(client, image.reference) is not None
        there = image.reference in sizes
        yield {
            "name": image.name,
            "image": image.reference,
            "size": sizes.get(image.reference),
            "origin": "built here" if made else "pulled" if there else "missing",
            "recipe": image.recipe,
            "for": list(image.by),
        }
