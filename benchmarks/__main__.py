"""Measures the figures: medians of whole processes, each beside its bound.

`python -m benchmarks [NAME…]` runs all or the named ones; exit code 1 when a figure misses its bound.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.containers import containers
from benchmarks.deploy import deploy
from benchmarks.notifications import notifications
from benchmarks.platform import platform, platform_on_docker
from benchmarks.sdk import sdk
from benchmarks.templates import templates
from nexus_cli.events import Summary
from nexus_cli.render.plain import table

TOP = Path(__file__).resolve().parent.parent
NEXUS = [str(Path(sys.executable).with_name("nexus"))]
COUNT = """
import sys
sys.argv[1:] = ["--version"]
from nexus_cli.__main__ import main
main()
print(len(sys.modules))
"""
PLATFORM = """\
nexus: v1
kind: platform
name: big
include: [blueprints/*.yaml, "catalogue:postgres", "catalogue:nats"]
"""
SERVICE = """\
nexus: v1
kind: service
name: s{n}
type: fastapi
port: {port}
uses: [{uses}]
routes:
  - {{path: /api/v1/s{n}, auth: jwt, limit: 100/s, timeout: 5s}}
events: {{publishes: [s{n}.created], consumes: [s{half}.created]}}
resources:
  thing:
    fields: {{name: string unique, amount: money, state: "enum(a, b) = a"}}
    events: {{created: s{n}.created}}
slo: {{availability: 99.9, p95: 300ms}}
"""
Row = tuple[str, float, float, str]  # what, measured, bound, unit


def timed(command: list[str], cwd: Path, *, runs: int = 1) -> float:
    """The median time of a whole process in seconds."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        times.append(time.perf_counter() - began)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return statistics.median(times)


def start() -> Iterator[Row]:
    """`nexus --version` against a Python that does nothing."""
    nothing = timed([sys.executable, "-c", "pass"], TOP, runs=15)
    version = timed([*NEXUS, "--version"], TOP, runs=15)
    yield "nexus --version / python -c pass", version / nothing, 3.0, "x"
    count = subprocess.run(
        [sys.executable, "-c", COUNT],
        capture_output=True,
        text=True,
        check=True,
    )
    yield "nexus --version, modules imported", float(count.stdout.split()[-1]), 200, ""


def blueprints() -> Iterator[Row]:
    """Load and lint of many services, in this process and as a command, and how it grows."""
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        _services(few, 1000)
        _services(many, 5000)
        # in turn, and compared pair by pair: a machine whose speed drifts does not bend the curve
        pairs = [(_linted(few), _linted(many)) for _ in range(5)]
        yield "load + lint of 1,000 services", statistics.median(one for one, _ in pairs), 1.0, "s"
        growth = statistics.median(five / (5 * one) for one, five in pairs)
        yield "5,000 services / (5 x 1,000 services)", growth, 1.3, "x"
        whole = timed([*NEXUS, "lint"], few, runs=5)
        yield "nexus lint of 1,000 services, whole process", whole, 1.0, "s"


def _linted(root: Path) -> float:
    from nexus_cli.blueprint.lint import lint
    from nexus_cli.blueprint.load import load

    began = time.perf_counter()
    lint(load(root))
    return time.perf_counter() - began


def _services(root: Path, number: int) -> None:
    (root / "blueprints").mkdir(parents=True)
    (root / "nexus.yaml").write_text(PLATFORM)
    for n in range(number):
        uses = ["postgres", "nats", *(f"s{k}" for k in (n - 1, n // 2) if 0 <= k < n)]
        text = SERVICE.format(n=n, half=n // 2, port=10000 + n, uses=", ".join(dict.fromkeys(uses)))
        (root / "blueprints" / f"s{n}.yaml").write_text(text)


def demo() -> Iterator[Row]:
    """The demo's platform: warm up, up with nothing to do, and down."""
    with tempfile.TemporaryDirectory() as folder:
        script = [sys.executable, str(TOP / "examples" / "shop" / "demo.py"), "--folder", folder]
        timed(script, TOP)
        shop = Path(folder) / "shop"
        try:
            yield "up with nothing to do, whole process", timed([*NEXUS, "up"], shop, runs=7), 0.5, "s"
            ups, downs = [], []
            for _ in range(3):
                downs.append(timed([*NEXUS, "down"], shop))
                ups.append(timed([*NEXUS, "up", "--free-ports"], shop))
            yield "warm up of the demo to all healthy", statistics.median(ups), 6.0, "s"
            yield "down of the demo", statistics.median(downs), 3.0, "s"
        finally:
            timed([*script, "--down"], TOP)


def fleet() -> Iterator[Row]:
    """Ten generated services and their components as processes, from a warm tool cache to all healthy."""
    up = [*NEXUS, "up", "--free-ports", "--engine", "process"]
    with tempfile.TemporaryDirectory() as folder:
        timed([*NEXUS, "init", "fleet"], Path(folder))
        root = Path(folder) / "fleet"
        for n in range(10):
            uses = ["postgres", "redis", "nats", *([f"s{n // 2}"] if n else [])]
            timed([*NEXUS, "generate", "app", f"s{n}", "--uses", ",".join(uses)], root)
        try:
            first = timed(up, root)
            yield "10 services, first up with their environments", first, 120.0, "s"
            timed([*NEXUS, "down"], root)
            warm = timed(up, root)
            yield "10 services, warm up to all healthy", warm, 30.0, "s"
            yield "10 services, up with nothing to do", timed(up, root, runs=5), 1.0, "s"
        finally:
            timed([*NEXUS, "down", "--volumes"], root)


FIGURES: dict[str, Callable[[], Iterator[Row]]] = {
    "start": start,
    "blueprints": blueprints,
    "demo": demo,
    "fleet": fleet,
    "platform": platform,
    "platform-docker": platform_on_docker,
    "containers": containers,
    "deploy": deploy,
    "sdk": sdk,
    "templates": templates,
    "notifications": notifications,
}


def main() -> int:
    """Measure the named figures, or all; each is told as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(FIGURES)}; none: all")
    names = parser.parse_args().names or list(FIGURES)
    if unknown := sorted({*names} - {*FIGURES}):
        parser.error(f"there is no figure {', '.join(unknown)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["NEXUS_ENGINE"] = "process"  # whatever else this machine offers
    rows = [_told(row) for name in names for row in FIGURES[name]()]
    print("\n".join(table(Summary("figures", ("figure", "median", "bound", "verdict"), tuple(rows)))))
    return int(any(verdict != "ok" for *_, verdict in rows))


def _told(row: Row) -> tuple[str, str, str, str]:
    what, value, bound, unit = row
    verdict = "ok" if value <= bound else "MISSED"
    cells = (what, f"{value:.3g} {unit}".strip(), f"<= {bound:g}", verdict)
    print(*cells, sep="  ", file=sys.stderr, flush=True)
    return cells


if __name__ == "__main__":
    sys.exit(main())
