"""A platform's documentation as web pages: its map, every service and component, and a runbook.

Everything comes from the blueprints; nothing is fetched from elsewhere, so that the pages open from a folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus_cli.blueprint.model import Platform
from nexus_generators.docs.facts import facts
from nexus_generators.generator import File, Files, text

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_PAGES = Path(__file__).parent / "pages"


def site(platform: Platform, apis: Mapping[str, Files] | None = None) -> dict[str, File]:
    """The pages by path: index, services, components, events, runbook, and what they look like.

    `apis` are the pages of services' API references; each lies in a folder beside its service's page.
    """
    referenced = apis or {}
    known = facts(platform)
    files = {
        "index.html": _page("index.html", known, top=""),
        "events.html": _page("events.html", known, top=""),
        "components.html": _page("components.html", known, top=""),
        "runbook.html": _page("runbook.html", known, top=""),
        "style.css": asset("style.css"),
        "map.js": asset("map.js"),
    }
    for service in known["services"]:
        name = service["name"]
        reference = f"{name}/index.html" if name in referenced else ""
        more = {"top": "../", "service": service, "reference": reference}
        files[f"services/{name}.html"] = _page("service.html", known, **more)
    pages = {path: text(content) for path, content in files.items()}
    for name, found in referenced.items():
        pages |= {f"services/{name}/{path}": file for path, file in found.items()}
    return pages


def map_page(platform: Platform) -> str:
    """The map alone, as one page that holds all that it needs."""
    known = facts(platform)
    return _page("map.html", known, top="", style=asset("style.css"), script=asset("map.js"))


def _page(name: str, known: Mapping[str, Any], **more: Any) -> str:
    return _environment().get_template(name).render(platform=known, data=_data(known), **more)


def _data(known: Mapping[str, Any]) -> str:
    """What the map's script needs to know; no text in it can end the element that it stands in."""
    services = {
        s["name"]: {
            "title": s["title"],
            "description": s["description"],
            "owner": s["owner"],
            "type": s["type"],
            "port": s["port"],
            "uses": [[use["name"], use["optional"]] for use in s["uses"]],
            "usedBy": s["used_by"],
            "publishes": [[entry["event"], entry["to"]] for entry in s["publishes"]],
            "consumes": [[entry["event"], entry["from"]] for entry in s["consumes"]],
            "resources": [resource["name"] for resource in s["resources"]],
            "p95": s["p95"],
            "availability": s["availability"],
        }
        for s in known["services"]
    }
    components = {
        c["name"]: {"title": c["title"], "description": c["description"], "usedBy": c["used_by"]}
        for c in known["components"]
    }
    dumped = json.dumps({"services": services, "components": components}, ensure_ascii=False, sort_keys=True)
    return dumped.replace("<", "\\u003c")


def asset(name: str) -> str:
    """A file that pages refer to."""
    return (_PAGES / name).read_text(encoding="utf-8")


def page(name: str, **known: Any) -> str:
    """A page of texts that anybody may have written: signs that hide or turn text are shown."""
    return _careful().get_template(name).render(**known)


@cache
def _careful() -> Environment:
    from nexus_generators.sdk.prose import visible

    environment = _environment().overlay(finalize=lambda said: visible(said) if type(said) is str else said)
    environment.filters = {**environment.filters, "spans": lambda said: _spans(visible(said))}
    return environment


def _spans(said: str) -> Markup:
    """A text whose parts between backticks are code; nothing else in it is markup."""
    from markupsafe import Markup, escape

    parts = said.split("`")
    if len(parts) % 2 == 0:  # one of them stands alone
        return escape(said)
    shown = (Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts))
    return Markup("").join(shown)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
