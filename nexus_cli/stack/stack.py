"""A platform made ready to run in one environment: its units, their engine and what they are bound to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nexus_generators.writer import recover

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.bind import Bindings
from nexus_cli.blueprint.lint import errors, lint
from nexus_cli.blueprint.load import BlueprintFault, did_you_mean, load
from nexus_cli.blueprint.model import Platform
from nexus_cli.blueprint.source import Finding
from nexus_cli.engine.engine import Engine
from nexus_cli.errors import UsageError
from nexus_cli.secrets import store
from nexus_cli.stack import detours, engines, scale
from nexus_cli.stack import ports as port_numbers
from nexus_cli.stack.desired import desired
from nexus_cli.stack.forms import Containers, Form, Layout, Processes, without_containers
from nexus_cli.stack.gateway import configuration
from nexus_cli.stack.reconcile import Facts
from nexus_cli.unit import Container, Stored, Unit
from nexus_cli.workspace import DEFAULT_ENVIRONMENT, Workspace, deployed, write_atomic


@dataclass(frozen=True, slots=True)
class Stack:
    """One environment of a platform: what is described (`platform`), how it is bound, and what should run.

    `left_out` are the components that the engine cannot run and nothing needs.
    """

    workspace: Workspace
    environment: str
    platform: Platform
    bindings: Bindings
    units: Sequence[Unit]
    engine: Engine
    choice: engines.Choice
    left_out: Sequence[str] = ()

    @property
    def folder(self) -> Path:
        """The environment's state folder."""
        return self.workspace.environment_state(self.environment)

    @property
    def title(self) -> str:
        """The platform and environment, for messages."""
        return f"{self.platform.name}/{self.environment}"

    def unit(self, name: str) -> Unit:
        """The unit of that name, or the first of a service's; a wrong one is a fault with a hint."""
        found = [unit for unit in self.units if unit.name == name]
        found += [unit for unit in self.units if unit.described == name and unit.kind != "job"]
        if not found:
            raise self._unknown(name)
        return found[0]

    def subset(self, names: Collection[str], profiles: Collection[str] = ()) -> list[Unit]:
        """The named units, by default all of no profile or a chosen one, with everything that they need."""
        chosen = self.named(names) if names else [unit for unit in self.units if _in(unit, profiles)]
        return self.closure(unit.name for unit in chosen)

    def closure(self, names: Iterable[str]) -> list[Unit]:
        """The units of exactly these names, with everything that they need."""
        wanted = graph.closure({unit.name: unit.needs for unit in self.units}, names)
        return [unit for unit in self.units if unit.name in wanted]

    def present(self) -> list[Unit]:
        """The units of no profile, and those of a profile that run."""
        running = {unit.name for unit in self.engine.observe()}
        return [unit for unit in self.units if not unit.profiles or unit.name in running]

    def named(self, names: Collection[str]) -> list[Unit]:
        """The units of the names; a service's name means all its replicas."""
        for name in names:
            if not any(name in {unit.name, unit.described} for unit in self.units):
                raise self._unknown(name)
        return [unit for unit in self.units if unit.name in names or unit.described in names]

    def _unknown(self, name: str) -> UsageError:
        if name in self.left_out:
            return UsageError(f"{name} runs on Docker only", hint="use --engine docker")
        if name in self.platform.services:
            return UsageError(f"{name} has no replica now", hint=f"nexus scale {name}=1")
        return unknown_unit(name, [unit.name for unit in self.units])

    def facts(self, units: Sequence[Unit]) -> Facts:
        """What the engine and the disk say about the units now."""
        prepared: dict[int, bool] = {}  # a service's migration and its replicas run on one and the same
        for unit in units:
            if id(unit.runtime) not in prepared:
                prepared[id(unit.runtime)] = self.engine.prepared(unit)
        return Facts(
            observed=self.engine.observe(),
            unprepared=frozenset(unit.name for unit in units if not prepared[id(unit.runtime)]),
            unconfigured=frozenset(unit.name for unit in units if _stale(unit)),
        )


def _in(unit: Unit, profiles: Collection[str]) -> bool:
    return not unit.profiles or "*" in profiles or any(name in profiles for name in unit.profiles)


def unknown_unit(name: str, known: Collection[str]) -> UsageError:
    """The fault for a name that is no unit of the platform."""
    hint = did_you_mean(name, known) or f"there are {', '.join(sorted(known))}"
    return UsageError(f'unknown service or component "{name}"', hint=hint)


def checked(root: Path) -> Platform:
    """The workspace's platform, loaded and free of lint errors; a write that was cut off is undone first."""
    recover(root)
    platform = load(root)
    findings = errors(lint(platform))
    if findings:
        raise BlueprintFault(findings)
    return platform


_ISOLATED = "isolated.json"


def isolated(workspace: Workspace, environment: str) -> bool:
    """Whether the environment is a copy of the development one that lives as long as it is tested."""
    return (workspace.state / environment / _ISOLATED).exists()


def mark_isolated(workspace: Workspace, environment: str, note: str) -> None:
    """From now on, the name is that of a copy; `note` is for who made it."""
    write_atomic(workspace.environment_state(environment) / _ISOLATED, note, mode=0o600)


def isolated_notes(workspace: Workspace) -> dict[str, str]:
    """The copies that there are, by name, and what was noted of each."""
    found = sorted(workspace.state.glob(f"*/{_ISOLATED}"))
    return {path.parent.name: path.read_text(encoding="utf-8") for path in found}


def assemble(
    workspace: Workspace,
    environment: str = DEFAULT_ENVIRONMENT,
    *,
    engine: str | None = None,
    replicas: Mapping[str, int] | None = None,
    edges: Sequence[detours.Edge] = (),
    disks: Mapping[str, int] | None = None,
    alone: bool = False,
) -> Stack:
    """The stack of a workspace on an engine: the one asked for, else what `engines.choose` says.

    `replicas` are numbers of replicas that count instead of those asked for before. `edges` are connections
    that lead through detours, `disks` the bytes that components have for their data where they have a disk
    of their own. `alone`: nothing that services use is needed, though they are told of it.
    """
    if deployed(workspace, environment):
        raise UsageError(
            f"{environment} is deployed to: what runs there is a release, not what lies in this folder",
            hint=f"nexus deploy {environment}, or look at it with `nexus status --env {environment}`",
        )
    platform = checked(workspace.root)
    known = {DEFAULT_ENVIRONMENT, *platform.environments}
    copied = isolated(workspace, environment)
    if environment not in known and not copied:
        raise UsageError(
            f'unknown environment "{environment}"',
            hint=did_you_mean(environment, known) or f"there are {', '.join(sorted(known))}",
        )
    folder = workspace.environment_state(environment)
    described = platform.environments.get(DEFAULT_ENVIRONMENT if copied else environment)
    counts = scale.counts(folder, platform, environment, replicas)
    choice = engines.choose(folder, platform, environment, engine)
    told = platform if alone else None
    by_process = choice.engine == "process"
    platform, left_out = without_containers(platform, needed=not alone) if by_process else (platform, ())
    given = store.resolve(folder, platform)
    bindings = Bindings(
        environment="test" if copied else environment,
        host=choice.host,
        public=(described.target.public or "") if described else "",
        containers=choice.engine == "docker",
        ports=port_numbers.chosen(folder, platform, counts, detours.port_names(platform, edges)),
        credentials=store.credentials(folder, platform),
        secrets={**given, **store.stand_ins(folder, platform, environment, given, always=copied)},
        variables=described.variables if described else {},
        replicas=counts,
    )
    ways = detours.ways(platform, bindings, edges)
    bindings = replace(bindings, detours=detours.addresses(ways, bindings))
    layout = Layout(folder, store.key(folder))
    form = _form(choice, platform, bindings, layout)
    units = desired(platform, bindings, layout, form, configuration(platform, bindings, layout), told)
    units = detours.units(platform, bindings, layout, ways, [_on_disk(u, disks or {}) for u in units])
    running = engines.engine(choice, folder, f"{platform.name}/{environment}")
    return Stack(workspace, environment, platform, bindings, units, running, choice, left_out)


def _on_disk(unit: Unit, disks: Mapping[str, int]) -> Unit:
    """The unit with a disk of its own for its data, where it is to have one and its engine can give it."""
    size = disks.get(unit.name)
    if size is None or not isinstance(unit.runtime, Container):
        return unit
    volumes = {
        path: stored
        if stored.read_only
        else Stored(f"{unit.name}-disk-{stored.name}", shared=True, size=size)
        for path, stored in unit.runtime.volumes.items()
    }
    return replace(unit, runtime=replace(unit.runtime, volumes=volumes))


def _form(choice: engines.Choice, platform: Platform, bindings: Bindings, layout: Layout) -> Form:
    if choice.engine == "process":
        return Processes(platform, bindings, layout)
    from nexus_cli.engine.docker.context import image_name

    return Containers(platform, bindings, layout, partial(image_name, choice.project))


def check_secrets(stack: Stack, units: Sequence[Unit]) -> None:
    """Refuse to start units whose secrets have no value."""
    wanted = {unit.name for unit in units}
    faults = store.missing(stack.platform, stack.bindings.secrets, wanted)
    if faults:
        sources = stack.platform.sources
        raise BlueprintFault(
            [
                Finding("missing-secret", "error", m, sources[kind, name].at(path), hint)
                for kind, name, path, m, hint in faults
            ]
        )


def generated_secrets(stack: Stack, units: Sequence[Unit]) -> list[str]:
    """The secrets of the units that nobody gave a value, so that a generated one stands in."""
    given = store.resolve(stack.folder, stack.platform)
    wanted = {unit.described for unit in units}
    described = (unit for unit in stack.platform.units if unit.name in wanted)
    return sorted({name for unit in described for name in unit.secrets if name not in given})


def log_names(root: Path, folder: Path, running: Engine, names: Sequence[str]) -> list[str]:
    """The units whose logs are meant by the names, their jobs included; all when none is named."""
    written = {path.name.split(".log")[0] for path in (folder / "logs").glob("*.log*")}
    written |= {unit.name for unit in running.observe()}
    found = [unit for unit in sorted(written) if any(unit == n or unit.startswith(f"{n}.") for n in names)]
    for name in names:
        if not any(unit == name or unit.startswith(f"{name}.") for unit in found):
            platform = load(root)
            known = {*platform.services, *platform.components, *written}
            if name not in known:
                raise unknown_unit(name, known)
    return found if names else sorted(written)


def _stale(unit: Unit) -> bool:
    """Whether a live file of the unit differs on the disk."""
    return any(unit.written(name) != file.content for name, file in unit.files.items() if file.live)
