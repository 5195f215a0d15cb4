"""A Grafana dashboard of a service: what it is asked, how fast it answers, what fails, what it costs."""

from typing import Any

from .alerts import errors, quantile, requests

_WIDTH, _HEIGHT = 12, 8
_WINDOW = "$__rate_interval"


def dashboard(service: str) -> dict[str, Any]:
    """Make it, as Grafana imports it; the data source is asked for there."""
    job = f'{{job="{service}"}}'
    panels = [
        ("Requests a second", "reqps", {"requests": requests(service, _WINDOW)}),
        ("Errors", "percentunit", {"share of requests": errors(service, _WINDOW)}),
        (
            "Duration",
            "s",
            {f"p{share * 100:g}": quantile(service, share, _WINDOW) for share in (0.5, 0.95, 0.99)},
        ),
        ("Events a second", "ops", {"{{type}} {{outcome}}": _events(service)}),
        ("Memory", "bytes", {"resident": f"process_resident_memory_bytes{job}"}),
        ("Processor", "short", {"cores": f"rate(process_cpu_seconds_total{job}[{_WINDOW}])"}),
    ]
    return {
        "title": service,
        "uid": f"service-{service}"[:40],
        "tags": ["service"],
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(place, *each) for place, each in enumerate(panels)],
    }


def _events(service: str) -> str:
    rate = f'rate(events_consumed_total{{job="{service}"}}[{_WINDOW}])'
    return f"sum by (type, outcome) ({rate})"


def _panel(place: int, title: str, unit: str, queries: dict[str, str]) -> dict[str, Any]:
    row, column = divmod(place, 2)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit}},
        "targets": [
            {"refId": chr(ord("A") + number), "legendFormat": legend, "expr": query}
            for number, (legend, query) in enumerate(queries.items())
        ],
    }
