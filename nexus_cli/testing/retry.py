"""Tests that fail and then pass: flaky, and never quietly passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from nexus_cli.testing.case import BAD, Case


def retried(retries: int, attempt: Callable[[Sequence[Case]], Iterable[Case]]) -> Iterator[Case]:
    """The cases of an attempt as they come; of those that fail, what they are after so many more attempts.

    `attempt` is given the cases that are tried again, none at first. What a later attempt tells beside them,
    as when the first one did not get so far, is told too.
    """
    failed: list[Case] = []
    told: set[tuple[str, str, str]] = set()
    for case in attempt(()):
        told.add(_key(case))
        if retries and case.status in BAD:
            failed.append(case)
        else:
            yield case
    for number in range(2, retries + 2):
        if not failed:
            return
        again = list(attempt(failed))
        after = settled(failed, again, number)
        yield from (case for case in after if case.status not in BAD)
        failed = [case for case in after if case.status in BAD]
        for case in (case for case in again if _key(case) not in told):
            told.add(_key(case))
            if case.status in BAD:
                failed.append(case)
            else:
                yield case
    yield from failed


def settled(cases: Sequence[Case], again: Sequence[Case], attempt: int) -> list[Case]:
    """The cases after another attempt at those that failed: what passes now is flaky, and says why.

    What broke and is not told of again, where all that was told went well, was in the way the first time.
    """
    passed = {_key(case) for case in again if case.status == "passed"}
    others = {_key(case) for case in again}
    well = bool(passed) and not any(case.status in BAD for case in again)

    def after(case: Case) -> Case:
        gone = case.status == "error" and well and _key(case) not in others
        if case.status not in BAD or not (_key(case) in passed or gone):
            return case
        said = f"passed at attempt {attempt}; first: {case.message}"
        return replace(case, status="flaky", message=said)

    return [after(case) for case in cases]


def _key(case: Case) -> tuple[str, str, str]:
    return case.subject, case.file, case.name
