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


def run_tests(
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            "-t",
            metavar="TYPE",
            help="unit, integration, contract, e2e, performance, security or chaos; may be given again. "
            "By default unit, integration and contract.",
            autocompletion=_kinds,
        ),
    ] = None,
    services: ServicesOption = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Only tests with this mark; may be given again.")
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what differs from the main branch, and what uses it.")
    ] = False,
    parallel: Annotated[
        int, typer.Option("--parallel", "-p", min=0, help="How many at a time; 0 means one for each core.")
    ] = 0,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", "-x", help="Stop after the first failure.")
    ] = False,
    retries: Annotated[
        int,
        typer.Option("--retries", min=0, help="Try a failed test again; what passes then is called flaky."),
    ] = 0,
    min_coverage: Annotated[
        float, typer.Option("--min-coverage", min=0, max=100, help="Percent of the code that is tested.")
    ] = 80,
    scenario: Annotated[
        list[Scenario] | None,
        typer.Option("--scenario", help="Shape of the load; may be given again. By default load."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--duration", metavar="TIME", help="How long load lasts, such as 30s or 1h.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.1, help="Requests a second of the usual load.")
    ] = None,
    regenerate: Annotated[
        bool, typer.Option("--regenerate", help="Make load tests anew that you changed; yours become .orig.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds after which a program of tests is ended.")
    ] = 600,
    strict: Annotated[bool, typer.Option("--strict", help="Fail when something could not be run.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack that was brought up.")] = False,
    reuse: Annotated[bool, typer.Option("--reuse", help="Test the development stack as it runs.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Test again whenever a file changes.")] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Keep what services serve now as their contract.")
    ] = False,
    engine: EngineOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FOLDER", help="Write the results there, too.")
    ] = None,
    output: OutputOption = Output.text,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --output json.")] = False,
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
