"""Charts of load tests as SVG inside one HTML page that asks nobody else for anything; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from nexus_cli.testing.performance.measure import Measured

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 200, 56, 24, 12
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
body{background:#fff} table{border-collapse:collapse;width:100%;margin:1rem 0}
td,th{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #dde3ea}
td:first-child,th:first-child{text-align:left} .failed{color:#b3261e} .passed{color:#1b6e3c}
svg{width:100%;height:auto} svg text{font:11px system-ui,sans-serif;fill:#5a6675}
figure{margin:1rem 0 2rem} figcaption{font-weight:600}
"""
_P50, _P95, _BAD, _GRID = "#3b6fb6", "#e08a1e", "#b3261e", "#dde3ea"


@dataclass(frozen=True, slots=True)
class Tested:
    """One script's run as the page shows it: `promised` in milliseconds, what is `wrong` by request."""

    service: str
    scenario: str
    seconds: float
    measured: Sequence[Measured]
    promised: float | None = None
    wrong: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def page(platform: str, tested: Sequence[Tested]) -> str:
    """The report of a run."""
    sections = "".join(_section(each) for each in tested)
    title = escape(f"Load on {platform}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{sections}</html>\n"
    )


def _section(tested: Tested) -> str:
    rows = "".join(_row(each, tested) for each in tested.measured)
    head = "<tr><th>request<th>requests<th>per second<th>failed<th>p50<th>p95<th>p99<th>verdict</tr>"
    charts = "".join(_chart(each, tested.promised) for each in tested.measured)
    notes = "".join(f"<p>{escape(note)}</p>" for note in tested.notes)
    return (
        f"<h2>{escape(tested.service)}: {escape(tested.scenario)}, {tested.seconds:g} s</h2>{notes}"
        f"<table>{head}{rows}</table>{charts}"
    )


def _row(measured: Measured, tested: Tested) -> str:
    wrong = tested.wrong.get(measured.name, [])
    verdict = escape("; ".join(wrong)) or "passed"
    cells = [
        escape(measured.name),
        f"{measured.counted.requests}",
        f"{measured.counted.requests / tested.seconds:.1f}",
        f"{measured.counted.failing:.1f} %",
        *(f"{measured.percentile(percent):.0f} ms" for percent in (50, 95, 99)),
    ]
    shown = "".join(f"<td>{cell}" for cell in cells)
    return f'<tr>{shown}<td class="{"failed" if wrong else "passed"}">{verdict}</tr>'


def _chart(measured: Measured, promised: float | None) -> str:
    """Latency over time as two lines, failures as marks on the ground, the promise as a dashed line."""
    moments = measured.moments
    if not moments:
        return ""
    # a promise far above everything would leave the lines on the ground
    peak = max(moment.p95 for moment in moments)
    shown = promised is not None and promised <= 4 * peak
    top = max(peak, promised if shown and promised else 0.0, 1.0) * 1.1
    end = max(moments[-1].begin, 1.0)

    def x(time: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 10) * time / end

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / top

    parts = []
    for value in (0.0, top / 2, top):
        parts.append(_level(y(value), _GRID))
        parts.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f} ms</text>')
    parts.append(f'<text x="{_WIDTH - 10}" y="{_HEIGHT - 6}" text-anchor="end">{end:.0f} s</text>')
    if shown and promised is not None:
        parts.append(_level(y(promised), _BAD, f"promised: {promised:g} ms"))
    for colour, what in ((_P50, "p50"), (_P95, "p95")):
        points = " ".join(f"{x(m.begin):.1f},{y(getattr(m, what)):.1f}" for m in moments)
        line = f'points="{points}" fill="none" stroke="{colour}" stroke-width="2"'
        parts.append(f"<polyline {line}><title>{what}</title></polyline>")
    for moment in (m for m in moments if m.failed):
        said = f"<title>{moment.failed} of {moment.requests} failed</title>"
        parts.append(
            f'<circle cx="{x(moment.begin):.1f}" cy="{y(0):.1f}" r="4" fill="{_BAD}">{said}</circle>'
        )
    label = escape(f"{measured.name}: p50 and p95 over time")
    return (
        f'<figure><figcaption>{escape(measured.name)}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" aria-label="{label}">{"".join(parts)}</svg></figure>'
    )


def _level(y: float, colour: str, title: str = "") -> str:
    """A line across the whole chart; one that means something is dashed and says what."""
    where = f'x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}"'
    return (
        f'<line {where} stroke-dasharray="6 4"><title>{title}</title></line>' if title else f"<line {where}/>"
    )
