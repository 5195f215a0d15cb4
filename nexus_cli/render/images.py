"""Images as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nexus_cli.events import Summary


def table(found: Sequence[Mapping[str, object]]) -> Summary:
    """Each image with its size in MB, where it comes from, and who needs it."""
    rows = tuple(
        (
            str(image["name"]),
            str(image["image"]),
            f"{image['size'] / 1e6:.0f} MB" if isinstance(image["size"], int) else "",
            str(image["origin"]),
            "yes" if image["recipe"] else "no",
            ", ".join(map(str, image["for"])) if isinstance(image["for"], list) else "",
        )
        for image in found
    )
    return Summary("images", ("name", "image", "size", "origin", "can be built", "for"), rows)
