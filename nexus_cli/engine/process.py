"""The process engine: units as host processes that a supervisor keeps, with real servers from wheels."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus_cli.engine import logs
from nexus_cli.engine.channel import PATIENCE, Channel
from nexus_cli.engine.engine import Progress
from nexus_cli.engine.environments import ENVIRONMENTS
from nexus_cli.engine.files import write_files
from nexus_cli.errors import NexusError
from nexus_cli.process import interactive, run
from nexus_cli.unit import LogLine, Observed, State, Unit
from nexus_cli.workspace import private_folder, write_atomic

DONE = ".nexus-done"
_LAST_LINES = 15
_SETUP_SECONDS = 300.0
_PASSED_ON = (  # of the person's own environment; everything else must be described
    *(
        "HOME",
        "LANG",
        "LANGUAGE",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TERM",
        "TMPDIR",
        "TZ",
        "USER",
        "XDG_RUNTIME_DIR",
    ),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)


class ProcessEngine:
    """Runs units as processes of this host; `state` is the environment's folder, `label` its name."""

    name = "process"

    def __init__(self, state: Path, *, label: str) -> None:
        self.state = state.absolute()
        self.label = label
        self.channel = Channel(self.state, label)

    def prepare(self, unit: Unit, progress: Progress) -> None:
        """Install the unit's wheel, or build its project's environment."""
        environment = ENVIRONMENTS.get(type(unit.runtime))
        if environment is not None:
            environment.build(unit.runtime, progress)

    def prepared(self, unit: Unit) -> bool:
        """Whether the wheel is installed, or the environment built from the present lock."""
        environment = ENVIRONMENTS.get(type(unit.runtime))
        return environment is None or environment.built(unit.runtime)

    def identity(self, unit: Unit) -> str:
        """Nothing: a process runs from its folder."""
        del unit
        return ""

    def forget_images(self, images: Mapping[str, Collection[str]], *, dry_run: bool = False) -> Sequence[str]:
        """Nothing to do: here programs run from the release's own copy."""
        del images, dry_run
        return ()

    def observe(self) -> Sequence[Observed]:
        """Every unit that the supervisor keeps; none when none runs."""
        return _observed(self.channel.ask({"do": "list"}))

    def wait(self, version: int, timeout: float) -> tuple[int, Sequence[Observed]]:
        """Observe as soon as something differs from `version`, at the latest after `timeout` seconds.

        Begin with version -1; the next call takes the version that this one returned.
        """
        reply = self.channel.ask(
            {"do": "wait", "version": version, "timeout": timeout}, patience=timeout + PATIENCE
        )
        return (int(reply["version"]) if reply else -1), _observed(reply)

    def start(self, unit: Unit) -> None:
        """Write the unit's files, then have it set up and started; returns when it runs."""
        self.channel.ensure()  # first: it ends what a killed one left, which may still write to the data
        write_files(self.state, unit)
        spec = self._spec(unit)
        patience = _SETUP_SECONDS + sum(seen.name == unit.name for seen in self.observe()) * unit.stop_seconds
        reply = self.channel.demand({"do": "start", "spec": spec}, patience=patience)
        if "error" in reply:
            last = [line.text for line in self.logs([unit.name], tail=_LAST_LINES)]
            raise NexusError(
                "\n  ".join([f"{unit.name}: {reply['error']}", *last]), hint=f"nexus logs {unit.name}"
            )

    def configure(self, unit: Unit, *, whole: bool = False) -> None:
        """Rewrite those live files that differ, or all."""
        write_files(self.state, unit, live_only=not whole)

    def stop(self, name: str) -> None:
        """Stop a unit and forget it; an unknown one is stopped already."""
        reply = self.channel.ask({"do": "stop", "name": name}, patience=_SETUP_SECONDS)
        if reply and "error" in reply:
            raise NexusError(f"{name}: {reply['error']}")

    def kill(self, name: str) -> None:
        """Kill the unit's main process; the supervisor does what it does after a crash."""
        self._tell("kill", name)

    def pause(self, name: str) -> None:
        """Stop every process of the unit by a signal that none of them can refuse."""
        self._tell("pause", name)

    def resume(self, name: str) -> None:
        """Let every process of the unit go on."""
        self._tell("resume", name)

    def _tell(self, what: str, name: str) -> None:
        reply = self.channel.ask({"do": what, "name": name})
        if reply is None:
            raise NexusError(f"{name} does not run", hint=f"nexus up {name}")
        if "error" in reply:
            raise NexusError(f"{name}: {reply['error']}", hint=f"nexus up {name}")

    def mark_ready(self, name: str) -> None:
        """Record that the unit's probe answered; from now on a crash is followed by a restart."""
        self.channel.ask({"do": "mark_ready", "name": name})

    def logs(
        self,
        names: Sequence[str],
        *,
        since: float | None = None,
        tail: int | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        """Lines of the named units in time order; `tail` counts the lines of all of them together."""
        return logs.read(self.state / "logs", names, since=since, tail=tail, follow=follow)

    def execute(self, unit: Unit, command: Sequence[str]) -> int:
        """Run a command on this terminal with the unit's programs and environment."""
        environment = {**os.environ, **self._environment(unit)}
        return interactive(_located(unit, command), cwd=unit.cwd, env=environment)

    def give_up(self, name: str) -> None:
        """Nothing: the supervisor has given up before it calls a unit crashed."""

    def run_once(self, unit: Unit, command: Sequence[str]) -> int:
        """Run a command on this terminal; a process of its own takes nothing from the unit's."""
        return self.execute(unit, command or unit.command)

    def probe_command(self, unit: Unit, command: Sequence[str]) -> tuple[int, str]:
        """Run a health command with the unit's programs and environment."""
        timeout = unit.probe.timeout if unit.probe else PATIENCE
        done = run(_located(unit, command), cwd=unit.cwd, env=self._environment(unit), timeout=timeout)
        return done.code, done.last_line

    def shutdown(self, *, volumes: bool = False) -> Sequence[str]:
        """Stop whatever runs and the supervisor; with `volumes`, remove stored data and written files."""
        self.channel.end(patience=_SETUP_SECONDS)
        if volumes:
            for folder in (self.state / "data", self.state / "run"):
                _remove_tree(folder)
        return ()

    def _spec(self, unit: Unit) -> dict[str, Any]:
        """What the supervisor needs; `facts` it only repeats."""
        setup, incomplete = self._setup(unit)
        owned = [str(folder) for folder in (unit.data, unit.files_folder) if folder is not None]
        return {
            "name": unit.name,
            "kind": unit.kind,
            "command": _located(unit, unit.command),
            "setup": setup,
            "incomplete": str(incomplete) if incomplete else None,
            "env": self._environment(unit),
            "cwd": str(unit.cwd or unit.data or self.state),
            "input": unit.input,
            "stop_signal": unit.stop_signal,
            "stop_seconds": unit.stop_seconds,
            "unprivileged": owned if unit.unprivileged else None,
            "done": _mark_of(unit),
            "facts": {
                "kind": unit.kind,
                "fingerprint": unit.fingerprint,
                "ports": dict(unit.ports),
                "url": unit.url,
                "needs": list(unit.needs),
            },
        }

    def _setup(self, unit: Unit) -> tuple[list[list[str]], Path | None]:
        """The set-up commands to run, and the mark that data is incomplete until they have ended.

        The mark is there before the first command and goes with the last: what a killed set-up left is
        cleared here, however complete it looks. Data without our mark is never touched.
        """
        incomplete = None
        if unit.data is not None:
            private_folder(self.state)
            private_folder(self.state / "data")
            mark = unit.data.with_name(f".{unit.data.name}.incomplete")
            if mark.exists() and not any(seen.name == unit.name for seen in self.observe()):
                _remove_tree(unit.data)
            private_folder(unit.data)
            if any(step.unless and not step.unless.exists() for step in unit.setup) and not any(
                unit.data.iterdir()
            ):
                write_atomic(mark, "", mode=0o600)
                incomplete = mark
        steps = [step for step in unit.setup if step.unless is None or not step.unless.exists()]
        return [_located(unit, step.command) for step in steps], incomplete

    def _environment(self, unit: Unit) -> dict[str, str]:
        """The unit's variables on a small known ground, with its programs first on the PATH."""
        ground = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        ground["PYTHONUNBUFFERED"] = "1"  # lines reach the log when they are printed
        environment = ENVIRONMENTS.get(type(unit.runtime))
        if environment is not None:
            ground |= environment.variables(unit.runtime)
            folders = [*map(str, environment.programs(unit.runtime)), ground.get("PATH", os.defpath)]
            ground["PATH"] = os.pathsep.join(folders)
        return {**ground, **unit.env}


def _mark_of(unit: Unit) -> dict[str, str] | None:
    """Where a job leaves word in the data that it works on, and what it says: which job it was.

    It goes where the data goes, so that new data is worked on again.
    """
    if unit.store is None:
        return None
    return {"path": str(unit.store / DONE / unit.name), "text": unit.fingerprint}


def _located(unit: Unit, command: Sequence[str]) -> list[str]:
    """The command with its program's path, if the runtime has it."""
    environment = ENVIRONMENTS.get(type(unit.runtime))
    return environment.located(unit.runtime, command) if environment else list(command)


def _observed(reply: Mapping[str, Any] | None) -> list[Observed]:
    units = reply.get("units", ()) if reply else ()
    return [
        Observed(
            name=unit["name"],
            kind=unit.get("kind", "service"),
            fingerprint=unit.get("fingerprint", ""),
            state=State(unit["state"]),
            pid=unit.get("pid"),
            since=unit.get("since", 0.0),
            restarts=unit.get("restarts", 0),
            exit_code=unit.get("exit_code"),
            ports=unit.get("ports", {}),
            ready=unit.get("ready", False),
            url=unit.get("url", ""),
            needs=tuple(unit.get("needs", ())),
        )
        for unit in units
        if unit.get("state") in set(State)
    ]


def _remove_tree(folder: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
    except OSError as error:
        raise NexusError(f"cannot remove {folder}: {error.strerror}") from error
