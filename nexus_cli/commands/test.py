"""nexus test: every kind of test of the platform, one report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nexus_cli.commands.options import EngineOption, Output, OutputOption, ServicesOption


class Scenario(StrEnum):
    """How load goes up and down."""

    load = "load"
    stress = "stress"
    spike = "spike"
    soak = "soak"


def _kinds(incomplete: str) -> list[str]:
    from nexus_cli.testing.kinds import KINDS

    return [name for name in KINDS if name.startswith(incomplete)]


TypesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        "-t",
        metavar="TYPE",
        help="unit, integration, contract, e2e, performance, security or chaos; may be given again. "
        "By default unit, integration and contract.",
        autocompletion=_kinds,
    ),
]
TagsOption = Annotated[
    list[str] | None, typer.Option("--tag", help="Only tests with this mark; may be given again.")
]
ChangedOption = Annotated[
    bool, typer.Option("--changed", help="Only what differs from the main branch, and what uses it.")
]
ParallelOption = Annotated[
    int, typer.Option("--parallel", "-p", min=0, help="How many at a time; 0 means one for each core.")
]
FailFastOption = Annotated[bool, typer.Option("--fail-fast", "-x", help="Stop after the first failure.")]
RetriesOption = Annotated[
    int,
    typer.Option("--retries", min=0, help="Try a failed test again; what passes then is called flaky."),
]
CoverageOption = Annotated[
    float, typer.Option("--min-coverage", min=0, max=100, help="Percent of the code that is tested.")
]
ScenarioOption = Annotated[
    list[Scenario] | None,
    typer.Option("--scenario", help="Shape of the load; may be given again. By default load."),
]
DurationOption = Annotated[
    str | None, typer.Option("--duration", metavar="TIME", help="How long load lasts, such as 30s or 1h.")
]
RateOption = Annotated[
    float | None, typer.Option("--rate", min=0.1, help="Requests a second of the usual load.")
]
RegenerateOption = Annotated[
    bool, typer.Option("--regenerate", help="Make load tests anew that you changed; yours become .orig.")
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds after which a program of tests is ended.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Fail when something could not be run.")]
KeepOption = Annotated[bool, typer.Option("--keep", help="Leave the stack that was brought up.")]
ReuseOption = Annotated[bool, typer.Option("--reuse", help="Test the development stack as it runs.")]
WatchOption = Annotated[bool, typer.Option("--watch", help="Test again whenever a file changes.")]
AcceptOption = Annotated[
    bool, typer.Option("--accept", help="Keep what services serve now as their contract.")
]
ReportOption = Annotated[
    Path | None, typer.Option("--report", metavar="FOLDER", help="Write the results there, too.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="The same as --output json.")]


def run_tests(
    types: TypesOption = None,
    services: ServicesOption = None,
    tags: TagsOption = None,
    changed: ChangedOption = False,
    parallel: ParallelOption = 0,
    fail_fast: FailFastOption = False,
    retries: RetriesOption = 0,
    min_coverage: CoverageOption = 80,
    scenario: ScenarioOption = None,
    duration: DurationOption = None,
    rate: RateOption = None,
    regenerate: RegenerateOption = False,
    timeout: TimeoutOption = 600,
    strict: StrictOption = False,
    keep: KeepOption = False,
    reuse: ReuseOption = False,
    watch: WatchOption = False,
    accept: AcceptOption = False,
    engine: EngineOption = None,
    report: ReportOption = None,
    output: OutputOption = Output.text,
    as_json: JsonOption = False,
) -> None:
    """Test the platform. Exit code 0: passed, 1: failed, 2: wrong usage, 5: nothing ran.

    Examples: `nexus test` · `nexus test --type unit --changed` ·
    `nexus test -t integration -s order --keep` · `nexus test --retries 2 --report results`
    """
    from nexus_cli import testrun

    chosen = testrun.Options(
        types=tuple(types or ()),
        services=tuple(services or ()),
        tags=tuple(tags or ()),
        parallel=parallel,
        fail_fast=fail_fast,
        changed=changed,
        retries=retries,
        keep=keep,
        reuse=reuse,
        accept=accept,
        engine=engine or "",
        min_coverage=min_coverage,
        load=testrun.load_options([one.value for one in scenario or ()], duration, rate, regenerate),
        timeout=timeout,
        strict=strict,
        report=report,
        output="json" if as_json else output.value,
    )
    raise typer.Exit(testrun.watch(chosen) if watch else testrun.once(chosen))
