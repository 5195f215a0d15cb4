"""The one protocol of all engines: where units run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from nexus_cli.unit import LogLine, Observed, Unit

Progress = Callable[[str], None]


class Engine(Protocol):
    """A place where units run. Every method translates its world's faults into `NexusError`."""

    name: str

    def prepare(self, unit: Unit, progress: Progress) -> None:
        """Make everything that starting needs (programs, environments); do nothing when it is there."""

    def prepared(self, unit: Unit) -> bool:
        """Whether `prepare` would have nothing to do; cheap, reads the disk only."""

    def identity(self, unit: Unit) -> str:
        """What certainly names a prepared unit's program, such as an image's digest; empty if nothing."""

    def forget_images(self, images: Mapping[str, Collection[str]], *, dry_run: bool = False) -> Sequence[str]:
        """Let go of what `identity` named and nobody needs any more; the names of what is (or was) there.

        `images` has the services that each was of: the same image may have other platforms' names too.
        """

    def observe(self) -> Sequence[Observed]:
        """Every unit of this platform and environment that the engine knows, in one call."""

    def start(self, unit: Unit) -> None:
        """Write the unit's files, run its setup and start it; a running one of that name is replaced."""

    def configure(self, unit: Unit, *, whole: bool = False) -> None:
        """Rewrite the unit's live files that changed, or `whole`: all its files, leaving the unit running."""

    def stop(self, name: str) -> None:
        """Stop a unit with its own signal and grace and forget it; done when it is gone."""

    def kill(self, name: str) -> None:
        """End a unit's program at once, as a crash would; it is started again as after a crash."""

    def pause(self, name: str) -> None:
        """Halt every process of a unit where it is: its ports stay open and nothing is answered."""

    def resume(self, name: str) -> None:
        """Let a paused unit go on; one that is not paused goes on anyway."""

    def mark_ready(self, name: str) -> None:
        """Record that the unit's probe answered."""

    def give_up(self, name: str) -> None:
        """Leave a unit that keeps crashing as it is: nothing starts it again by itself."""

    def probe_command(self, unit: Unit, command: Sequence[str]) -> tuple[int, str]:
        """Run a health command where the unit runs; its exit code and what it printed."""

    def logs(
        self,
        names: Sequence[str],
        *,
        since: float | None = None,
        tail: int | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        """Lines of the named units (all when empty) in time order; with `follow`, until interrupted."""

    def execute(self, unit: Unit, command: Sequence[str]) -> int:
        """Run a command in the unit's environment on this terminal; returns its exit code."""

    def run_once(self, unit: Unit, command: Sequence[str]) -> int:
        """Run a command (by default the unit's own) beside the unit, which need not run; its exit code."""

    def shutdown(self, *, volumes: bool = False) -> Sequence[str]:
        """Stop whatever is left, and the engine's own helpers; with `volumes`, remove stored data too.

        What stays although nobody needs it, in words: as a rule nothing.
        """
