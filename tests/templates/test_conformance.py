"""Every service type keeps the service contract: a bare service and one with everything, on real servers."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rendering import Venv
from servers import PASSWORD, Process, create, database, nats, nats_url, postgres, valkey

from nexus_cli.blueprint.bind import url_variable
from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.model import Platform
from nexus_cli.blueprint.types import SERVICE_TYPES
from nexus_cli.conformance.clause import Clause, judge
from nexus_cli.conformance.rig import Rig
from nexus_cli.conformance.suite import CLAUSES, clauses
from nexus_cli.engine.environments import ENVIRONMENTS
from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.service import variables
from nexus_cli.scaffold.template import read
from nexus_cli.stack.forms import commands, project

PLATFORM = """\
nexus: v1
kind: platform
name: test-bed-%s
include: ["blueprints/*.yaml", "catalogue:postgres", "catalogue:redis", "catalogue:nats"%s]
"""
BARE = "{nexus: v1, kind: service, name: bare, type: %s, port: 4001}\n"
REFERENCE = """\
nexus: v1
kind: service
name: reference
title: A "reference" & more
type: %s
port: 4002
uses: [postgres, redis, nats]
secrets: [API_KEY]
events: {publishes: [thing.created], consumes: [order.created, thing.deleted]}
resources:
  thing:
    fields:
      code: string unique
      note: text optional
      count: int = 3
      weight: float
      price: money
      fee: money = 1.50
      done: bool = false
      spare: bool = true
      day: date optional
      moment: datetime
      tag: uuid optional
      extra: json optional
      status: enum(new, in-work, done) = new
    states: {new: [in-work], in-work: [done]}
    events: {created: thing.created, updated: thing.updated, deleted: thing.deleted}
  spare-part:
    fields: {thing: ref(thing), elsewhere: ref(unknown) optional, before: ref(spare-part) optional}
    operations: [list, get, create]
"""
SHOWN = """\
nexus: v1
kind: service
name: reference
title: A "reference" & more
type: %s
port: 4002
uses: [bare]
secrets: [API_KEY]
"""
FROM_CATALOGUE = {"fastapi": "inventory", "fastify": "webhook", "go": "discovery"}
"""One service of the catalogue for each type: what follows from a blueprint is asked of a real one, too."""
OF_BLUEPRINT = {"nexus_cli.conformance.resources", "nexus_cli.conformance.events"}
KEY = "only-for-this-test-as-well"


@dataclass
class Stored:
    """A server whose data can be removed."""

    process: Process

    def start(self) -> None:
        self.process.listen()

    def stop(self) -> None:
        self.process.stop()

    def forget(self) -> None:
        shutil.rmtree(self.process.folder / "data")


@dataclass(frozen=True)
class Servers:
    """The servers of all rigs."""

    tools: Venv
    postgres: Process
    redis: Process
    nats: Process

    def empty_database(self, numbers: Iterator[int] = itertools.count()) -> str:  # noqa: B008 - one for all
        name = f"empty_{next(numbers)}"
        create(self.tools, self.postgres, name)
        return database(self.postgres, name)


def reference(kind: str) -> str:
    """The service with everything that there is in its type."""
    return REFERENCE if SERVICE_TYPES[kind].models else SHOWN


@cache
def platform(kind: str) -> Platform:
    """A platform whose services are of one type; its name keeps their events apart from other types'."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "blueprints").mkdir()
        more = f', "catalogue:{FROM_CATALOGUE[kind]}"' if kind in FROM_CATALOGUE else ""
        (root / "nexus.yaml").write_text(PLATFORM % (kind, more), encoding="utf-8")
        for name, text in {"bare": BARE, "reference": reference(kind)}.items():
