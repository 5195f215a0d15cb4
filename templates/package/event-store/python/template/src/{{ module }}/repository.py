"""From events to what they come to, with snapshots so that long streams are read quickly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .events import NewEvent
    from .streams import Store, Work

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Folding(Generic[State]):
    """How events become a state: `apply(state, type, data)`; and how the state is kept as JSON.

    After a change of `apply` or of the state's form, raise `form`: older snapshots are left aside.
    """

    initial: Callable[[], State]
    apply: Callable[[State, str, Any], State]
    dump: Callable[[State], Any]
    load: Callable[[Any], State]
    form: int = 1


@dataclass(frozen=True, slots=True)
class Loaded(Generic[State]):
    """What a stream came to, and the version that it had."""

    stream: str
    version: int
    state: State


class Repository(Generic[State]):
    """Loads and saves one kind of aggregate; a snapshot is kept each time `every` events have come."""

    def __init__(self, store: Store, folding: Folding[State], *, every: int = 100) -> None:
        self._store, self._folding, self._every = store, folding, every

    async def load(self, work: Work, stream: str) -> Loaded[State]:
        """Read a stream; one that does not exist is at version zero."""
        kept = await self._store.snapshot_of(work, stream, self._folding.form)
        version, state = (0, self._folding.initial())
        if kept is not None:
            version, state = kept[0], self._folding.load(kept[1])
        async for event in self._store.read(work, stream, after=version):
            version, state = event.version, self._folding.apply(state, event.type, event.data)
        return Loaded(stream, version, state)

    async def save(self, work: Work, loaded: Loaded[State], events: Sequence[NewEvent]) -> Loaded[State]:
        """Append to what was loaded; `WrongVersionError` when somebody else was faster.

        Events of an attempt whose answer got lost are not written again: then this is what the stream has
        come to since, which others may have gone on with.
        """
        version, new = await self._store.append_once(work, loaded.stream, events, expected=loaded.version)
        if not new:
            return await self.load(work, loaded.stream)
        state = loaded.state
        for event in events:
            state = self._folding.apply(state, event.type, event.data)
        if version // self._every > loaded.version // self._every:
            kept = self._folding.dump(state)
            await self._store.snapshot(work, loaded.stream, version, kept, self._folding.form)
        return Loaded(loaded.stream, version, state)
