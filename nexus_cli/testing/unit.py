"""Unit tests: each service's and package's own, in its own toolchain, and how much of the code they run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from nexus_cli.errors import NexusError
from nexus_cli.testing.case import Case, Tell, broken
from nexus_cli.testing.retry import retried
from nexus_cli.testing.run import Asked
from nexus_cli.testing.subject import Subject, subjects
from nexus_cli.testing.tested import Coverage, Tested
from nexus_cli.testing.toolchains import TOOLCHAINS

KIND = "unit"


def run(asked: Asked, tell: Tell) -> None:
    """Run the tests of the wanted services and packages, as many at a time as was asked."""
    wanted = [subject for subject in subjects(asked.platform) if asked.wants(subject.name)]
    measured: dict[str, Coverage] = {}
    if not wanted:
        tell(Case(KIND, "platform", "tests", "not run", message="there is no service or package"))

    def test(subject: Subject) -> None:
        if asked.enough.is_set():
            tell(Case(KIND, subject.name, "tests", "not run", message="an earlier test has failed"))
            return
        began = time.monotonic()
        try:
            tested = _tested(subject, asked)
        except NexusError as error:
            tell(broken(KIND, subject.name, error, time.monotonic() - began))
            return
        for case in tested.cases:
            tell(case)
        if not tested.cases:
            why = (
                f"it has no tests with the mark {' or '.join(asked.tags)}"
                if asked.tags
                else "it has no tests"
            )
            tell(Case(KIND, subject.name, "tests", "not run", message=why))
        if tested.coverage:
            measured[subject.name] = tested.coverage

    with databases(asked, wanted), ThreadPoolExecutor(asked.parallel) as pool:
        try:
            list(pool.map(test, wanted))
        except BaseException:
            asked.enough.set()
            asked.programs.end()
            raise
    if measured and not asked.enough.is_set() and not asked.tags:  # some tests cover little, and should
        tell(coverage_case(measured, asked.min_coverage))


@contextmanager
def databases(asked: Asked, wanted: Sequence[Subject]) -> Iterator[None]:
    """A server for those tests that want one; where it does not come up, they say what they lack."""
    needed = {subject.database: subject for subject in wanted if subject.database}
    if not needed:
        yield
        return
    from nexus_cli.testing.stand import stand

    name, subject = next(iter(needed.items()))
    with stand(replace(asked, reuse=False), [f"{name}.{subject.name}"], shared=False) as made:
        asked.variables["TEST_DATABASE_URL"] = made.variables(subject.name)["DATABASE_URL"]
        yield


def _tested(subject: Subject, asked: Asked) -> Tested:
    """Run its tests, and those that failed again, as often as was asked."""
    runner = TOOLCHAINS[subject.toolchain]
    runner.prepare(subject, asked, lambda line: asked.progress(f"{subject.name}: {line}"))
    coverage: list[Coverage | None] = []

    def attempt(failed: Sequence[Case]) -> Sequence[Case]:
        tested = runner.run(subject, asked, failed)
        coverage.append(tested.coverage)
        return tested.cases

    cases = [*retried(asked.retries, attempt)]
    return Tested(cases, coverage[0])


def coverage_case(measured: dict[str, Coverage], least: float) -> Case:
    """How much of all code is run by its tests, against what is asked at least."""
    both = Coverage(sum(c.covered for c in measured.values()), sum(c.total for c in measured.values()))
    low = sorted((c.percent, name) for name, c in measured.items())
    enough = both.percent >= least
    worst = ", ".join(f"{name} {percent:.1f} %" for percent, name in low)
    return Case(
        KIND,
        "platform",
        "coverage",
        "passed" if enough else "failed",
        message="" if enough else f"{both.percent:.1f} % of the code is tested, not {least:g} %: {worst}",
        figures={"coverage (%)": both.percent, **{f"{name} (%)": percent for percent, name in low}},
    )
