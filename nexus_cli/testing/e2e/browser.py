"""The browser that pages are tested in: one that is installed, driven by Playwright."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from nexus_cli.errors import UsageError

VARIABLE = "NEXUS_BROWSER"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = f"no browser: none of {', '.join(_NAMES)} is installed"
HINT = f"apt-get install chromium, or give the path of one with {VARIABLE}"


def find() -> Path | None:
    """The program that NEXUS_BROWSER names, else the first that is installed."""
    named = os.environ.get(VARIABLE)
    if named:
        program = shutil.which(named)
        if program is None:
            raise UsageError(
                f"{VARIABLE}={named} is no program", hint="give the path of a Chromium or Chrome"
            )
        return Path(program)
    return next((Path(found) for name in _NAMES if (found := shutil.which(name))), None)


def variables(program: Path | None, site: Path, scratch: Path) -> Mapping[str, str]:
    """What the tests are told of the browser; Playwright of `site` gets what records a video."""
    if program is None:
        return {"NEXUS_NO_BROWSER": f"{MISSING}; {HINT}"}
    _link_recorder(site, scratch)
    return {
        VARIABLE: str(program),
        "PLAYWRIGHT_BROWSERS_PATH": str(scratch),
        "PLAYWRIGHT_SKIP_VALIDATE_HOST_REQUIREMENTS": "1",
    }


def _link_recorder(site: Path, scratch: Path) -> None:
    """Put an ffmpeg to where Playwright looks for the one that it would download."""
    ffmpeg = shutil.which("ffmpeg") or next(map(str, site.glob("imageio_ffmpeg/binaries/ffmpeg-*")), None)
    listed = site / "playwright" / "driver" / "package" / "browsers.json"
    if ffmpeg is None or not listed.is_file():
        return
    said = json.loads(listed.read_text(encoding="utf-8"))["browsers"]
    revision = next(one["revision"] for one in said if one["name"] == "ffmpeg")
    place = scratch / f"ffmpeg-{revision}" / "ffmpeg-linux"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(ffmpeg)
