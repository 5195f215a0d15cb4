"""Alert rules for Prometheus: what a service promises, and when it is about to break it."""

from typing import Any

_REQUESTS = "http_server_request_duration_seconds"
_STATUS = "http_response_status_code"
_WINDOWS = (("1h", "5m", 14.4, "page"), ("6h", "30m", 6.0, "page"), ("3d", "6h", 1.0, "ticket"))


def rules(
    service: str,
    *,
    availability: float | None = None,
    p95: float | None = None,
) -> dict[str, Any]:
    """Make the rule group of a service, as a rule file has it.

    `availability` is in percent of requests, over a month; `p95` in seconds. An alert goes off when the
    errors that a month allows are used up too fast, over a long window and still over a short one.
    """
    found = [_down(service)]
    if availability is not None:
        found += [_burning(service, 1 - availability / 100, *window) for window in _WINDOWS]
    if p95 is not None:
        found.append(_slow(service, p95))
    return {"groups": [{"name": service, "rules": found}]}


def quantile(service: str, share: float, window: str) -> str:
    """Say in PromQL how long requests take, in seconds."""
    rate = f'sum by (le) (rate({_REQUESTS}_bucket{{job="{service}"}}[{window}]))'
    return f"histogram_quantile({share:g}, {rate})"


def requests(service: str, window: str, status: str = ".*") -> str:
    """Say in PromQL how many requests a second have a status that fits."""
    return f'sum(rate({_REQUESTS}_count{{job="{service}",{_STATUS}=~"{status}"}}[{window}]))'


def errors(service: str, window: str) -> str:
    """Say in PromQL which share of requests fails."""
    return f"{requests(service, window, '5..')} / {requests(service, window)}"


def _down(service: str) -> dict[str, Any]:
    return _rule("Down", service, f'up{{job="{service}"}} == 0', "1m", "page", "does not answer")


def _burning(  # noqa: PLR0913, PLR0917 - a window is four of them
    service: str,
    allowed: float,
    long: str,
    short: str,
    factor: float,
    severity: str,
) -> dict[str, Any]:
    limit = f"{factor * allowed:.6g}"
    both = f"{errors(service, long)} > {limit} and {errors(service, short)} > {limit}"
    said = f"spends its errors {factor:g} times as fast as it may"
    return _rule(f"Errors{long}", service, both, "2m", severity, said)


def _slow(service: str, p95: float) -> dict[str, Any]:
    said = f"one request in twenty takes longer than {p95:g} s"
    return _rule(
        "Slow", service, f"{quantile(service, 0.95, '5m')} > {p95:g}", "10m", "ticket", said
    )


def _rule(  # noqa: PLR0913, PLR0917 - what a rule is made of
    name: str,
    service: str,
    expression: str,
    lasting: str,
    severity: str,
    said: str,
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": lasting,
        "labels": {"service": service, "severity": severity},
        "annotations": {"summary": f"{service}: {said}"},
    }
