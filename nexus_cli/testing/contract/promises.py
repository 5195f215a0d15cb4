"""The contract that every service of nexus keeps, asked of a process of the service beside the stack."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nexus_cli.blueprint.model import Service
from nexus_cli.blueprint.types import SERVICE_TYPES
from nexus_cli.conformance import operation, requests, resources, samples
from nexus_cli.conformance.clause import Clause, ViolationError, judge
from nexus_cli.conformance.rig import Rig, creatable
from nexus_cli.conformance.suite import CLAUSES
from nexus_cli.engine.environments import ENVIRONMENTS
from nexus_cli.scaffold.service import variables
from nexus_cli.stack.forms import commands, project
from nexus_cli.testing.case import Case
from nexus_cli.testing.run import Asked
from nexus_cli.testing.stand import Stand

_REFUSED, _SERVER_ERROR = 400, 500
_OWN_SERVERS = frozenset(
    {
        operation.without_postgresql_it_is_unready,
        operation.without_redis_it_is_unready,
        operation.without_nats_it_is_unready,
        operation.migrations_may_run_at_the_same_time,
        requests.an_unforeseen_error_hides_its_cause,
        resources.without_redis_nothing_is_promised,
    }
)
"""Clauses that take a server away, or want an empty one: others use those of a stack at the same time."""

_MODULES = frozenset({operation.__name__, requests.__name__, resources.__name__})
"""Events are left to integration tests: beside a running service, another process takes them from it."""

_MISSING = "its own rules refuse made-up data, so what needs some is left to its own tests"


def check(asked: Asked, stand: Stand, service: Service) -> Iterator[Case]:
    """A case for each clause that speaks to the service."""
    kind = SERVICE_TYPES.get(service.type)
    if kind is None:
        message = f"{service.type} is no type of nexus, which would keep its contract"
        yield Case("contract", service.name, "contract of services", "skipped", message=message)
        return
    rig = _rig(asked, stand, service)
    try:
        rig.service.up()
        refused = _refused(rig)
        if refused:
            yield Case("contract", service.name, "clauses about resources", "skipped", 0, _MISSING, refused)
            rig.answers = {**rig.answers, "resources": []}
        for clause in clauses(rig.answers):
            if asked.enough.is_set():
                return
            yield _case(service.name, clause, rig)
    except ViolationError as violation:
        yield Case(
            "contract",
            service.name,
            "starts",
            "failed",
            message=str(violation).splitlines()[0],
            detail=str(violation),
        )
    finally:
        rig.service.stop()


def clauses(answers: Mapping[str, Any]) -> list[Clause]:
    """The clauses that can be asked of a service that has its own rules, beside a running stack."""
    return [
        clause
        for clause in CLAUSES
        if clause.check.__module__ in _MODULES
        and clause.check not in _OWN_SERVERS
        and clause.applies(answers)
    ]


def _case(name: str, clause: Clause, rig: Rig) -> Case:
    verdict = judge(clause, rig)
    return Case(
        "contract",
        name,
        clause.name.replace("-", " "),
        "passed" if verdict.kept else "failed",
        verdict.seconds,
        verdict.reason.splitlines()[0] if verdict.reason else "",
        f"{clause.says}\n{verdict.reason}" if verdict.reason else "",
    )


def _refused(rig: Rig) -> str:
    """Why the service refuses data that follows from its blueprint alone; empty if it does not.

    Any other answer, also a wrong one, is for the clauses to judge.
    """
    for resource in filter(creatable, rig.answers["resources"]):
        try:
            body = rig.body(resource)
        except ViolationError:  # what it refers to could not be created, which was seen in its own turn
            continue
        answer = rig.service.post(samples.path(resource), body)
        if _REFUSED <= answer.status < _SERVER_ERROR:
            return f"POST {samples.path(resource)}: {answer.status} {answer.body.decode(errors='replace')}"
    return ""


def _rig(asked: Asked, stand: Stand, service: Service) -> Rig:
    """A process of the service with the servers of the stack, made ready as `nexus up` would."""
    kind = SERVICE_TYPES[service.type]
    platform = asked.platform
    folder = platform.root / service.source
    packages = tuple(platform.root / package.source for package in platform.packages_of(service))
    code = replace(project(kind, folder), packages=packages)
    made = ENVIRONMENTS[type(code)]
    made.build(code, lambda line: asked.progress(f"{service.name}: {line}"))
    serve, migrate = commands(kind, service, folder)
    path = os.pathsep.join([*map(str, made.programs(code)), os.environ.get("PATH", os.defpath)])
    own = {name: value for name, value in stand.variables(service.name).items() if name != "PORT"}
    logs = asked.folder(f"contract/{service.name}")
    return Rig(
        variables(platform, service),
        made.located(code, serve),
        made.located(code, migrate) if migrate else (),
        folder,
        {"PATH": path, "HOME": str(logs), **made.variables(code), **own},
        logs,
        secrets=tuple(own[name] for name in service.secrets if name in own),
        signals=(signal.SIGTERM,),  # what engines send; each further one costs two starts
    )
