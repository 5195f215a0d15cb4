"""Experiments: what is done to which part, for how long, and what must hold before, while and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nexus_cli.blueprint.bind import Bindings, replicas
from nexus_cli.blueprint.document import DocumentFault, parse, text_of
from nexus_cli.blueprint.load import BlueprintFault, did_you_mean, validated
from nexus_cli.blueprint.model import Blueprint, Model, Platform
from nexus_cli.blueprint.scalars import Duration, Size
from nexus_cli.blueprint.source import Finding, Source
from nexus_cli.stack.detours import Edge

FOLDER = "tests/chaos"
MACHINE = "machine"
"""The target of what is done to the machine itself."""
Action = Literal["kill", "pause", "stop", "delay", "loss", "partition", "disk", "cpu", "memory", "clock"]
NETWORK: frozenset[Action] = frozenset({"delay", "loss", "partition"})
_NEEDS: Mapping[Action, str] = {"delay": "by", "loss": "percent", "clock": "by"}
_MAY: Mapping[str, frozenset[Action]] = {
    "by": frozenset({"delay", "clock"}),
    "jitter": frozenset({"delay"}),
    "percent": frozenset({"loss"}),
    "from": NETWORK,
    "cores": frozenset({"cpu"}),
    "size": frozenset({"memory", "disk"}),
}
"""The keys that only some actions have."""


class Promise(Model):
    """What is promised of requests: how many percent succeed, within how long 95 % of them are answered."""

    availability: float | None = Field(None, ge=0, le=100)
    p95: Duration | None = None


class Steady(Promise):
    """The steady state: what is asked again and again, and what is promised of the answers.

    `requests` are `GET /path` at the gateway; by default a list of each service's resources. What is not
    said is what each service's `slo` promises.
    """

    requests: tuple[Annotated[str, Field(pattern=r"^GET /\S*$")], ...] = ()


class Experiment(Blueprint):
    """One experiment of tests/chaos.

    `target` is a component or service; with `each`, it is done to all of them one after the other. `for` is
    how long, `recover` how long the platform has afterwards. `during` must hold while it lasts.
    """

    kind: Literal["experiment"] = "experiment"
    title: str = ""
    action: Action
    target: str = ""
    each: Literal["components", "services"] | None = None
    from_: str = Field(
        "", alias="from", description="whose connections to the target; by default everybody's"
    )
    by: Duration | None = None
    jitter: Duration = 0.0
    percent: float | None = Field(None, gt=0, le=100)
    cores: int | None = Field(None, ge=1, le=256)
    size: Size | None = None
    for_: Duration = Field(3.0, alias="for")
    recover: Duration = 30.0
    steady: Steady = Steady.model_construct()
    during: Promise = Promise.model_construct()
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.target) == bool(self.each) and self.action not in {"cpu", "memory"}:
            raise ValueError("give either `target` or `each`")
        needed = _NEEDS.get(self.action)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"{self.action} needs `{needed}`")
        said = {"from" if name == "from_" else name for name in self.model_fields_set}
        for name in sorted(said & _MAY.keys()):
            if self.action not in _MAY[name]:
                raise ValueError(f"{self.action} has no `{name}`")
        return self


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment done to one target; `file` and `line` are where it is written."""

    experiment: Experiment
    target: str
    file: str
    line: int

    @property
    def name(self) -> str:
        """What it is called in a report."""
        experiment = self.experiment
        return f"{experiment.name} ({self.target})" if experiment.each else experiment.name

    def edges(self, platform: Platform, bindings: Bindings) -> list[Edge]:
        """The connections that it disturbs, from whoever uses the target; a gateway's to each replica."""
        if self.experiment.action not in NETWORK:
            return []
        found: list[Edge] = []
        for user in users(platform, self.target, self.experiment.from_):
            service = platform.services.get(self.target)
            to = replicas(service, bindings) if service and user in platform.components else [self.target]
            found += [(user, name) for name in to]
        return found


def users(platform: Platform, target: str, only: str = "") -> list[str]:
    """The services that use a component or service, and the gateway where it has routes."""
    found = platform.resolve(target)
    names = [
        service.name
        for service in platform.services.values()
        if any(platform.resolve(use.service) is found for use in service.uses)
    ]
    routed = target in platform.services and platform.services[target].routes
    names += [c.name for c in platform.components.values() if c.config and routed]
    return [name for name in names if only in {"", name}]


def trials(platform: Platform, root: Path) -> list[Trial]:
    """Every experiment of the workspace, done to each of its targets; all faults of all files at once."""
    findings: list[Finding] = []
    found: list[Trial] = []
    for path in sorted((root / FOLDER).rglob("*.yaml")):
        file = path.relative_to(root).as_posix()
        try:
            source = Source(file, text_of(path, file, "an experiment"))
            experiment = validated(Experiment, parse(source), source, findings)
        except DocumentFault as fault:
            findings.append(fault.finding)
            continue
        if experiment is not None:
            findings += _unknown(platform, experiment, source)
            line = source.at(["name"]).line
            found += [Trial(experiment, target, file, line) for target in _targets(platform, experiment)]
    if findings:
        raise BlueprintFault(sorted(findings, key=lambda finding: finding.where))
    return found


def _targets(platform: Platform, experiment: Experiment) -> Sequence[str]:
    if experiment.each == "services":
        return [*platform.services]
    if experiment.each == "components":
        return [name for name in platform.components if users(platform, name)]
    found = platform.resolve(experiment.target)
    return [found.name if found else experiment.target or MACHINE]


def _unknown(platform: Platform, experiment: Experiment, source: Source) -> list[Finding]:
    known = {*platform.services, *platform.components}
    findings = []
    for key, name in (("target", experiment.target), ("from", experiment.from_)):
        if name and platform.resolve(name) is None:
            hint = did_you_mean(name, known) or f"there are {', '.join(sorted(known))}"
            message = f'unknown service or component "{name}"'
            findings.append(Finding("target", "error", message, source.at([key]), hint))
    if not findings and experiment.from_ and experiment.target:
        target = platform.resolve(experiment.target)
        if target is not None and not users(platform, target.name, experiment.from_):
            message = f"{experiment.from_} does not use {target.name}"
            findings.append(Finding("from", "error", message, source.at(["from"])))
    return findings
