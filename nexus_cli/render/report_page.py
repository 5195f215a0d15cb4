"""The results of a run as one page that needs nothing else: no network, no further file."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from nexus_cli.testing.case import BAD, Case, Status, grouped
from nexus_cli.testing.run import Result

_HERE = Path(__file__).resolve().parent
_ORDER: tuple[Status, ...] = ("failed", "error", "flaky", "not run", "skipped", "passed")
_IMAGES: Mapping[str, str] = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
_LARGEST = 2_000_000
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(result: Result, platform: str, verdict: str, folder: Path) -> str:
    """The page; `folder` is where attachments are found."""
    counts = Counter(case.status for case in result.cases)
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(result.began))
    good = "passed" if result.exit_code == 0 else "failed"
    style, script = (_HERE / f"report_page.{suffix}" for suffix in ("css", "js"))
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(platform)}: {escape(verdict)}</title>",
            f"<style>{style.read_text(encoding='utf-8')}</style></head><body>",
            f"<header><h1>Tests of {escape(platform)}</h1>",
            f'<span class="verdict {good}">{escape(verdict)}</span>',
            f'<span class="dim">{began} · {result.seconds:.1f} s · {escape(", ".join(result.kinds))}</span>',
            "</header>",
            *_counts(counts),
            *(line for group in grouped(result.cases) for line in _group(*group, folder)),
            *_figures(result.cases),
            f"<script>{script.read_text(encoding='utf-8')}</script></body></html>",
            "",
        ]
    )


def _counts(counts: Mapping[Status, int]) -> Iterator[str]:
    total = sum(counts.values()) or 1
    yield '<div class="counts" aria-label="Show only">'
    for status in (one for one in _ORDER if counts.get(one)):
        name = _css(status)
        yield f'<button data-status="{name}" aria-pressed="false">'
        yield f'<b class="{name}">{counts[status]}</b>{status}</button>'
    yield '</div><div class="bar" aria-hidden="true">'
    for status in reversed(_ORDER):
        if counts.get(status):
            yield f'<i class="bg-{_css(status)}" style="width:{100 * counts[status] / total:.2f}%"></i>'
    yield "</div>"


def _figures(cases: Sequence[Case]) -> Iterator[str]:
    measured = [case for case in cases if case.figures]
    if not measured:
        return
    yield "<h2>Figures</h2><table><tr><th>type</th><th>subject</th><th>of</th><th>figures</th></tr>"
    for case in measured:
        said = " · ".join(f"{name} {value:.4g}" for name, value in case.figures.items())
        cells = "".join(f"<td>{escape(word)}</td>" for word in (case.kind, case.subject, case.name, said))
        yield f"<tr>{cells}</tr>"
    yield "</table>"


def _group(kind: str, subject: str, cases: Sequence[Case], folder: Path) -> Iterator[str]:
    counts = Counter(case.status for case in cases)
    bad = any(case.status in BAD | {"flaky", "not run"} for case in cases)
    said = " · ".join(f'<span class="{_css(s)}">{counts[s]} {s}</span>' for s in _ORDER if counts[s])
    seconds = sum(case.seconds for case in cases)
    yield f"<details{' open' if bad else ''}><summary><b>{escape(kind)}</b>"
    yield f'<span class="grow">{escape(subject)}</span><span>{said}</span>'
    yield f'<span class="dim">{seconds:.1f} s</span></summary><div class="cases">'
    for case in sorted(cases, key=lambda case: _ORDER.index(case.status)):
        yield from _case(case, folder)
    yield "</div></details>"


def _case(case: Case, folder: Path) -> Iterator[str]:
    name = _css(case.status)
    place = f'<span class="dim">{escape(case.place)}</span>' if case.place else ""
    yield f'<div class="case" data-status="{name}"><div class="row">'
    yield f'<span class="tag {name}">{case.status}</span><span class="name">{escape(case.name)}</span>'
    yield f'{place}<span class="dim">{case.seconds:.2f} s</span></div>'
    if case.message:
        yield f"<div>{escape(case.message)}</div>"
    if case.detail:
        yield f"<pre>{escape(case.detail)}</pre>"
    for path in case.attachments:
        yield _attachment(path, folder)
    yield "</div>"


def _attachment(path: Path, folder: Path) -> str:
    """A picture in the page itself, anything else as a link beside it."""
    place, kind = folder / path, _IMAGES.get(path.suffix.lower())
    if kind and place.is_file() and place.stat().st_size <= _LARGEST:
        data = base64.b64encode(place.read_bytes()).decode("ascii")
        return f'<img alt="{escape(path.name)}" src="data:{kind};base64,{data}">'
    return f'<div><a href="{escape(path.as_posix())}">{escape(path.name)}</a></div>'


def _css(status: Status) -> str:
    return status.replace(" ", "-")
