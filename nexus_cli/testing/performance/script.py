"""Load tests as k6 scripts, made from blueprints: routes, resources and promises; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nexus_generators.generator import Files, text

from nexus_cli.blueprint.model import Platform, Route, Service
from nexus_cli.scaffold.service import api

FOLDER = "tests/performance"
SHARED = "platform.js"
RATE = 20.0  # requests a second: what two cores shared with everything else can take
_OF_LIMIT = 0.5  # of what the gateway lets through: with more, its refusals would be measured
_WEIGHTS = {"list": 4, "get": 4, "create": 1}
_AVAILABILITY = 99.0  # percent, of a service that promises none
_ROWS = 20  # that are asked for one by one
_ENOUGH = 1_000_000  # of whatever is counted, in rows that others refer to

Described = Mapping[str, Any]
"""A resource as plain data: its name, path at the gateway, fields and operations."""


def scripts(platform: Platform) -> Files:
    """A load test for each service that can be asked something, and what they share, by path."""
    made = {f"{name}.js": script(platform, platform.services[name]) for name in tested(platform)}
    shared = (Path(__file__).parent / SHARED).read_text(encoding="utf-8")
    return {name: text(content) for name, content in {SHARED: shared, **made}.items()} if made else {}


def tested(platform: Platform) -> list[str]:
    """The services of which a blueprint says enough for a load test."""
    services = platform.services.values()
    return [service.name for service in services if _calls(platform, service)]


def lists(service: Service) -> list[str]:
    """The paths at the gateway where a service lists what it keeps, or shows a page."""
    found = [r["path"] for r in _reached(service) if "list" in r["operations"]]
    return found or _pages(service)


def script(platform: Platform, service: Service) -> str:
    """The load test of one service."""
    resources = _reached(service)
    needed = _needed(platform, resources)
    given = {**needed, **{r["name"]: r for r in resources if _rows(r)}}
    functions = {**given, **{r["name"]: r for r in resources if "create" in r["operations"]}}
    calls = _calls(platform, service)
    used = {"load", "pick", *(call.partition("(")[0] for _, call, _ in calls)}
    if given:
        used.add("given")
    bodies = [_body(described, needed) for described in functions.values()]
    written = [*bodies, *(call for _, call, _ in calls)]
    used |= {name for name in ("number", "word") if any(f"{name}(" in part for part in written)}
    return "\n".join(
        [
            f"// Load on {service.name}, made from its blueprint by `nexus test --type performance`.",
            "// It is yours to change: what you change is kept, and `--regenerate` makes it anew.",
            "",
            f"import {{ {', '.join(sorted(used))} }} from './{SHARED}';",
            "",
            *_options(service, calls),
            *bodies,
            *_setup(given, needed),
            f"export default function ({'known' if given else ''}) {{",
            "  pick([",
            *(f"    [{weight}, () => {call}]," for weight, call, _ in calls),
            "  ]);",
            "}",
            "",
        ]
    )


def rate(service: Service) -> float:
    """The usual load, in requests a second: far enough from what the gateway would refuse."""
    limits = [route.limit * _OF_LIMIT for route in service.routes if route.limit]
    return max(1.0, min([RATE, *limits]))


def _options(service: Service, calls: Sequence[tuple[int, str, str]]) -> list[str]:
    promised = service.slo
    slo = [f"availability: {promised.availability or _AVAILABILITY:g}"]
    if promised.p95:
        slo.append(f"p95: {promised.p95 * 1000:g}")
    said = "as the blueprint promises" if promised.p95 else "the blueprint promises no latency (slo.p95)"
    return [
        "export const options = load({",
        f"  rate: {rate(service):g}, // requests a second",
        f"  slo: {{ {', '.join(slo)} }}, // percent, and milliseconds at the 95th percentile: {said}",
        "  requests: [",
        *(f"    {_quoted(name)}," for _, _, name in calls),
        "  ],",
        "});",
        "",
    ]


def _calls(platform: Platform, service: Service) -> list[tuple[int, str, str]]:
    """What is asked: the weight, the call and the request's name.

    Changes and deletions are not among them: what may change into what is the service's own rule.
    """
    calls, resources = [], _reached(service)
    needed = _needed(platform, resources)
    for described in resources:
        path, name, can = described["path"], _variable(described["name"]), described["operations"]
        one = f"known.{name}[number() % known.{name}.length]"
        written = {
            "list": (f"list({_quoted(path)})", f"GET {path}"),
            "get": (f"get({_quoted(path)}, {one})", f"GET {path}/{{id}}"),
            "create": (
                f"create({_quoted(path)}, {_made(described, needed, 'number()')})",
                f"POST {path}",
            ),
        }
        wanted = [o for o in _WEIGHTS if o in can and (o != "get" or "create" in can)]
        calls += [(_WEIGHTS[o], *written[o]) for o in wanted]
    return calls or [(1, f"page({_quoted(path)})", f"GET {path}") for path in _pages(service)]


def _pages(service: Service) -> list[str]:
    """The routes of a web application; what others answer at theirs is not known."""
    return [r.path for r in service.routes if _lets(r, "GET")] if service.type == "nextjs" else []


def _reached(service: Service) -> list[dict[str, Any]]:
    """The service's resources that the gateway leads to, with the operations that it lets through."""
    methods = {"list": "GET", "get": "GET", "create": "POST"}
    found = []
    for described in api(service)["resources"]:
        routes = [r for r in service.routes if _under(described["path"], r.path)]
        if routes:
            can = [o for o in described["operations"] if any(_lets(r, methods.get(o, "")) for r in routes)]
            found.append({**described, "operations": can})
    return found


def _under(path: str, prefix: str) -> bool:
    return f"{path}/".startswith(f"{prefix.rstrip('/')}/")


def _lets(route: Route, method: str) -> bool:
    return not route.methods or method in route.methods


def _needed(platform: Platform, resources: Sequence[Described]) -> dict[str, Described]:
    """The resources that others refer to, each after those that it needs itself."""
    known = {r["name"]: r for s in platform.services.values() for r in _reached(s)}
    needed: dict[str, Described] = {}

    def add(described: Described, above: frozenset[str]) -> None:
        for name in _targets(described):
            if (
                name in known
                and name not in above
                and name not in needed
                and "create" in known[name]["operations"]
            ):
                add(known[name], above | {name})
                needed[name] = known[name]

    for described in resources:
        add(described, frozenset())
    return needed


def _targets(described: Described) -> Iterator[str]:
    return (f["target"] for f in described["fields"] if f["type"] == "ref" and not f["optional"])


def _rows(described: Described) -> bool:
    """Whether rows must be there before the load, to be asked for one by one."""
    return {"get", "create"} <= set(described["operations"])


def _setup(given: Mapping[str, Described], needed: Mapping[str, Described]) -> list[str]:
    if not given:
        return []
    lines = ["// What must be there before the load.", "export function setup() {", "  const known = {};"]
    for name, described in given.items():
        count, make = 1 if name in needed else _ROWS, f"(n) => {_made(described, needed, 'n')}"
        lines.append(f"  known.{_variable(name)} = given({_quoted(described['path'])}, {count}, {make});")
    return [*lines, "  return known;", "}", ""]


def _body(described: Described, needed: Mapping[str, Described]) -> str:
    return "\n".join(
        [
            f"function {_made(described, needed, 'n')} {{",
            "  return {",
            *_fields(described, needed),
            "  };",
            "}",
            "",
        ]
    )


def _made(described: Described, needed: Mapping[str, Described], number: str) -> str:
    """The call that makes a body; of number and what is known, it is told what it needs."""
    fields = "".join(_fields(described, needed))
    last = ["known"] if "known." in fields else []
    first = [number] if last or "word(n)" in fields else []
    return f"{_function(described)}({', '.join([*first, *last])})"


def _fields(described: Described, needed: Mapping[str, Described]) -> list[str]:
    return [
        f"    {_key(field['name'])}: {_value(field, needed, counted=described['name'] in needed)},"
        for field in described["fields"]
        if not (field["optional"] and field["type"] in {"ref", "uuid"})
    ]


def _value(field: Mapping[str, Any], needed: Mapping[str, Described], *, counted: bool) -> str:
    """A valid value as JavaScript; of what is counted, rows that others refer to have enough."""
    if field["type"] == "ref":
        target = field["target"]
        return (
            f"known.{_variable(target)}[0]" if target in needed else "'018f0000-0000-7000-8000-000000000001'"
        )
    if field["type"] == "enum":
        return _quoted(field["default"] or field["values"][0])
    return {
        "string": "word(n)",
        "text": "`${word(n)}: a longer text`",
        "int": str(_ENOUGH) if counted else "1",
        "float": "1.5",
        "money": "'12.50'",
        "bool": "true",
        "date": "'2026-01-31'",
        "datetime": "'2026-01-31T12:00:00Z'",
        "uuid": "'018f0000-0000-7000-8000-000000000001'",
        "json": "{ load: true }",
    }[field["type"]]


def _function(described: Described) -> str:
    return "new" + "".join(part.capitalize() for part in described["name"].split("-"))


def _variable(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(part.capitalize() for part in rest)


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and not name[0].isdigit() else _quoted(name)


def _quoted(value: str) -> str:
    inner = json.dumps(value)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{inner}'"
