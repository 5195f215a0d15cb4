"""Write go.mod and go.sum of the Go service template.

The direct modules and their versions stand here. The tool renders the template with every combination of
features, lets Go tidy each within the versions of all of them together, and writes templates in which every
line stands behind the features that need it. The templates then render without a network, every combination
is tidy, and all have the same versions.

Run it with the interpreter of the development environment: `python tools/lock_go.py`.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import read

ROOT = Path(__file__).parents[1] / "templates" / "service" / "go"
GO = "1.26.0"
WANTED = (
    "github.com/alicebob/miniredis/v2 v2.40.0",
    "github.com/google/uuid v1.6.0",
    "github.com/jackc/pgx/v5 v5.12.0",
    "github.com/nats-io/nats-server/v2 v2.15.2",
    "github.com/nats-io/nats.go v1.55.0",
    "github.com/pressly/goose/v3 v3.29.0",
    "github.com/prometheus/client_golang v1.25.0",
    "github.com/redis/go-redis/v9 v9.23.0",
    "github.com/sony/gobreaker/v2 v2.4.0",
    "github.com/swaggest/swgui v1.8.5",
    "go.opentelemetry.io/otel v1.47.0",
    "go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp v1.47.0",
)
RESOURCE = {
    "name": "thing",
    "plural": "things",
    "fields": [{"name": "price", "type": "money", "optional": False, "unique": False, "values": []}],
    "operations": ["list", "get", "create", "update", "delete"],
    "states": {},
    "events": {},
}
GUARDS = {
    "DATABASE_URL": "'DATABASE_URL' in connections",
    "REDIS_URL": "'REDIS_URL' in connections",
    "NATS_URL": "'NATS_URL' in connections",
    "calls": "calls",
    "resources": "resources",
}
Features = frozenset[str]


def combinations() -> Iterator[Features]:
    """Every combination of features that renders something of its own."""
    for number in range(len(GUARDS) + 1):
        for chosen in itertools.combinations(GUARDS, number):
            if "resources" not in chosen or "DATABASE_URL" in chosen:
                yield frozenset(chosen)


def answers(features: Features) -> dict[str, Any]:
    """The template's variables that ask for these features."""
    return {
        "name": "service",
        "connections": sorted(name for name in features if name.endswith("_URL")),
        "calls": ["other"] if "calls" in features else [],
        "resources": [RESOURCE] if "resources" in features else [],
    }


def tidied(folder: Path, features: Features, module: str) -> tuple[str, str]:
    """The go.mod and go.sum of a combination, from one that has at least what it needs."""
    for path, file in builtin.render(read(ROOT, "service/go"), answers(features), folder="service").items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    (folder / "go.mod").write_text(module)
    (folder / "go.sum").unlink(missing_ok=True)
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    subprocess.run(["go", "mod", "tidy"], cwd=folder, env=environment, check=True, capture_output=True)
    return (folder / "go.mod").read_text(), (folder / "go.sum").read_text()


def guarded(line: str, having: frozenset[Features]) -> str:
    """A line behind its condition, which the combinations that have it follow."""
    every = frozenset(combinations())
    if having == every:
        return f"{line}\n"
    condition = condition_of(having)
    if condition is None and (opposite := condition_of(every - having)):
        condition = f"not ({opposite})"
    if condition is None:
        raise SystemExit(f"no condition for {line!r}: it is there with {sorted(map(sorted, having))}")
    return f"{{% if {condition} -%}}\n{line}\n{{% endif -%}}\n"


def condition_of(having: frozenset[Features]) -> str | None:
    """What the smallest of some combinations ask for; nothing unless all that have more belong to them."""
    least = [one for one in having if not any(other < one for other in having)]
    if having != {one for one in combinations() if any(some <= one for some in least)}:
        return None
    return " or ".join(sorted(" and ".join(GUARDS[name] for name in GUARDS if name in one) for one in least))


def merged(texts: Mapping[Features, list[str]]) -> str:
    """The lines of all combinations in order, each behind its condition."""
    full = texts[frozenset(GUARDS)]
    everywhere = {line for lines in texts.values() for line in lines}
    ordered = full if everywhere == set(full) else sorted(everywhere)
    return "".join(
        guarded(line, frozenset(one for one, lines in texts.items() if line in lines)) for line in ordered
    )


def requirements(module: str, *, indirect: bool) -> list[str]:
    """The required modules of a go.mod, without the keyword."""
    found = re.findall(r"^(?:require )?\t?(\S+ v\S+(?: // indirect)?)$", module, re.MULTILINE)
    return [line for line in found if line.endswith("// indirect") == indirect]


def main() -> None:
    """Write both templates."""
    head = f"module platform.internal/service\n\ngo {GO}\n\n"
    with tempfile.TemporaryDirectory() as root:
        everything = frozenset(GUARDS)
        wanted = head + "".join(f"require {line}\n" for line in WANTED)
        full, _ = tidied(Path(root, "full"), everything, wanted)
        locks = {one: tidied(Path(root, str(number)), one, full) for number, one in enumerate(combinations())}
    blocks = [
        merged({one: requirements(module, indirect=indirect) for one, (module, _) in locks.items()})
        for indirect in (False, True)
    ]
    body = "".join(f"require (\n{_indented(block)})\n\n" for block in blocks).rstrip("\n")
    template = ROOT / "template"
    (template / "go.mod.jinja").write_text(f"module {{{{ module }}}}\n\ngo {GO}\n\n{body}\n")
    sums = merged({one: lock.splitlines() for one, (_, lock) in locks.items()})
    (template / "go.sum.jinja").write_text(sums)
    print(f"{len(locks)} combinations, {len(requirements(full, indirect=False))} modules wanted")


def _indented(block: str) -> str:
    """Lines within parentheses, whose conditions leave the tabs alone."""
    lines = re.sub(r"^(?!\{%|$)", "\t", block, flags=re.MULTILINE)
    return re.sub(r"\{% (.*) -%\}", r"{%- \1 %}", lines)


if __name__ == "__main__":
    main()
