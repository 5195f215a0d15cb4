"""Units as host processes: real servers from wheels and services from their own environments, no Docker."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nexus_cli import process
from nexus_cli.engine import logs, python_project, tools
from nexus_cli.engine.client import Supervision
from nexus_cli.engine.engine import Progress
from nexus_cli.engine.logs import LogWriter
from nexus_cli.engine.supervisor import LAUNCH
from nexus_cli.errors import NexusError
from nexus_cli.identity import LABEL, UNIT
from nexus_cli.unit import LogLine, Observed, PythonProject, State, Unit, Wheel
from nexus_cli.workspace import private_folder, write_atomic

_PROBE_TIMEOUT = 3.0
_SETUP_TIMEOUT = 120.0
_MARGIN = 10.0
_SHOWN = 5


class ProcessEngine:
    """The engine of one environment's state folder; `label` names the platform and environment."""

    name = "process"

    def __init__(self, state: Path, *, label: str) -> None:
        self.state = state
        self.label = label
        self.supervision = Supervision(state)

    def prepared(self, unit: Unit) -> bool:
        """Whether the unit's programs or environment are there."""
        match unit.runtime:
            case Wheel():
                return tools.installed(unit.runtime)
            case PythonProject():
                return python_project.built(unit.runtime)
            case None:
                return True

    def prepare(self, unit: Unit, progress: Progress) -> None:
        """Install the unit's wheel, or build its virtual environment."""
        match unit.runtime:
            case Wheel():
                tools.install(unit.runtime, progress)
            case PythonProject() if not python_project.built(unit.runtime):
                python_project.build(unit.runtime, progress)

    def observe(self) -> Sequence[Observed]:
        """Every unit that the supervisor keeps; none when no supervisor runs."""
        answer = self.supervision.ask({"do": "list"})
        return [] if answer is None else [_observed(report) for report in answer["units"]]

    def start(self, unit: Unit) -> None:
        """Write the unit's files, set it up if it never ran, and hand it to the supervisor."""
        self.supervision.ensure()
        self.supervision.ask({"do": "stop", "name": unit.name}, timeout=unit.stop_seconds + _MARGIN)
        for folder in (unit.data, unit.files_folder):
            if folder is not None:
                private_folder(folder.parent)
                private_folder(folder)
        self._write(unit, live_only=False)
        self._set_up(unit)
        self.supervision.ask({"do": "start", "spec": self._spec(unit)}, timeout=unit.stop_seconds + _MARGIN)

    def configure(self, unit: Unit) -> None:
        """Rewrite the unit's live files."""
        self._write(unit, live_only=True)

    def stop(self, name: str) -> None:
        """Stop a unit and wait until it is gone."""
        self.supervision.ask({"do": "stop", "name": name}, timeout=300.0)

    def mark_ready(self, name: str) -> None:
        """Let the supervisor remember that the unit's probe answered."""
        self.supervision.ask({"do": "ready", "name": name})

    def probe_command(self, unit: Unit, command: Sequence[str]) -> tuple[int, str]:
        """Run a health command on this machine with the unit's programs."""
        done = process.run(
            self._command(unit, command), env=self._environment(unit), cwd=unit.cwd, timeout=_PROBE_TIMEOUT
        )
        return done.code, done.last_line

    def logs(
        self,
        names: Sequence[str],
        *,
        since: float | None = None,
        tail: int | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        """Lines of the units' log files, merged in time order."""
        folder = self.state / "logs"
        units = list(names) or sorted(path.stem for path in folder.glob("*.log"))
        return logs.read(folder, units, since=since, tail=tail, follow=follow)

    def execute(self, unit: Unit, command: Sequence[str]) -> int:
        """Run a command on this terminal with the unit's programs, variables and folder."""
        return process.interact(self._command(unit, command), cwd=unit.cwd, env=self._environment(unit))

    def shutdown(self, *, volumes: bool = False) -> None:
        """Stop every unit and the supervisor; written files go, data and logs only with `volumes`."""
        try:
            if self.supervision.ask({"do": "shutdown"}, timeout=300.0) is not None:
                self.supervision.gone()
        finally:
            self.supervision.kill()
        for name in ("run", "data", "logs") if volumes else ("run",):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self.state / name)

    def _write(self, unit: Unit, *, live_only: bool) -> None:
        for name, file in unit.files.items():
            if unit.files_folder is not None and (file.live or not live_only):
                path = unit.files_folder / name
                private_folder(path.parent)
                write_atomic(path, file.content, mode=0o600)

    def _set_up(self, unit: Unit) -> None:
        """Run the setup steps whose result is missing; what a killed one left half-made is made anew."""
        if unit.data is None or all(step.unless is not None and step.unless.exists() for step in unit.setup):
            return
        unfinished = unit.data.with_name(f".{unit.name}.unfinished")
        if unfinished.exists():
            shutil.rmtree(unit.data)
            private_folder(unit.data)
        unfinished.touch(mode=0o600)
        for step in unit.setup:
            if step.unless is None or not step.unless.exists():
                self._run_setup(unit, step.command)
        unfinished.unlink()

    def _run_setup(self, unit: Unit, command: Sequence[str]) -> None:
        rights = "unprivileged" if unit.unprivileged else "root"
        full = [sys.executable, "-I", "-S", LAUNCH, str(os.getpid()), rights, *self._command(unit, command)]
        done = process.run(full, env=self._environment(unit), cwd=unit.data, timeout=_SETUP_TIMEOUT)
        log = LogWriter(self.state / "logs" / f"{unit.name}.log")
        for line in done.output.splitlines():
            log.write("o", line.encode())
        log.close()
        if done.code != 0:
            last = " / ".join(done.output.strip().splitlines()[-_SHOWN:])
            raise NexusError(f"{unit.name}: {command[0]} failed with exit code {done.code}: {last}")

    def _programs(self, unit: Unit) -> Path | None:
        match unit.runtime:
            case Wheel():
                return tools.programs(unit.runtime)
            case PythonProject():
                return python_project.environment(unit.runtime) / "bin"
            case None:
                return None

    def _command(self, unit: Unit, command: Sequence[str]) -> list[str]:
        """The command with its program looked up among the unit's own."""
        folder = self._programs(unit)
        own = folder / command[0] if folder is not None and "/" not in command[0] else None
        return [str(own) if own is not None and own.exists() else command[0], *command[1:]]

    def _environment(self, unit: Unit) -> dict[str, str]:
        environment = process.base_environment()
        folder = self._programs(unit)
        if folder is not None:
            environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', os.defpath)}"
        if isinstance(unit.runtime, PythonProject):
            environment |= {
                "PYTHONUNBUFFERED": "1",
                "VIRTUAL_ENV": str(python_project.environment(unit.runtime)),
            }
        return {**environment, **unit.env, UNIT: unit.name, LABEL: self.label}

    def _spec(self, unit: Unit) -> dict[str, Any]:
        return {
            "name": unit.name,
            "kind": unit.kind,
            "fingerprint": unit.fingerprint,
            "command": self._command(unit, unit.command),
            "env": self._environment(unit),
            "cwd": str(unit.cwd or unit.data or self.state),
            "input": unit.input,
            "ports": dict(unit.ports),
            "url": unit.url,
            "needs": list(unit.needs),
            "stop_signal": unit.stop_signal,
            "stop_seconds": unit.stop_seconds,
            "unprivileged": unit.unprivileged,
        }


def _observed(report: dict[str, Any]) -> Observed:
    return Observed(
        name=report["name"],
        kind=report["kind"],
        fingerprint=report["fingerprint"],
        state=State(report["state"]),
        pid=report["pid"],
        since=report["since"],
        restarts=report["restarts"],
        exit_code=report["exit_code"],
        ports=report["ports"],
        ready=report["ready"],
        url=report["url"],
        needs=tuple(report["needs"]),
    )
