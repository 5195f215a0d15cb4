"""Write package-lock.json of the Node service templates.

`package.json.jinja` of a template is the one place where versions are wanted. npm resolves all features
once, then takes features away from that result; the lock template has every package behind the features
that need it, without the address of any registry. At the end every combination of features is rendered
and compared with what npm itself makes of it.

Run it with the interpreter of the development environment: `python tools/lock_node_template.py`.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment

from nexus_cli.engine import tools
from nexus_cli.engine.node_project import npm

SERVICES = Path(__file__).parents[1] / "templates" / "service"
TEMPLATES = ("fastify", "express", "nextjs")
CONNECTIONS = ("DATABASE_URL", "REDIS_URL", "NATS_URL", "SENTRY_DSN")
FEATURES = {name: f"'{name}' in connections" for name in CONNECTIONS}
RESOLVE = ("install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved")
QUIET = ("--no-audit", "--no-fund", "--loglevel=error")
Lock = dict[str, Any]


def rendered(path: Path, features: Iterable[str]) -> str:
    """Render a template file of a service with these features."""
    environment = Environment(autoescape=False, keep_trailing_newline=True)
    environment.filters["to_json"] = json.dumps
    answers = {"name": "x", "description": "", "owner": "", "license": "", "connections": list(features)}
    return environment.from_string(path.read_text(encoding="utf-8")).render(answers)


def resolved(template: Path, features: Iterable[str], within: Lock | None = None) -> Lock:
    """What npm locks for these features, starting from another lock."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = rendered(template / "package.json.jinja", features)
        Path(folder, "package.json").write_text(manifest, encoding="utf-8")
        if within is not None:
            Path(folder, "package-lock.json").write_text(json.dumps(within), encoding="utf-8")
        done = npm(*RESOLVE, *QUIET, cwd=Path(folder), progress=print)
        if done.code:
            raise SystemExit(done.err)
        lock: Lock = json.loads(Path(folder, "package-lock.json").read_text(encoding="utf-8"))
        return lock


def guarded(text: str, needing: Iterable[str]) -> str:
    """Put a text behind the features that need it; nothing in the way of one that all need."""
    guards = [FEATURES[feature] if feature else "" for feature in needing]
    return text if "" in guards else f"{{% if {' or '.join(guards)} %}}{text}{{% endif %}}"


def entry(path: str, having: dict[str, Any]) -> str:
    """A package as the template has it; `having` is how each feature that needs it has it."""
    package, *others = having.values()
    if any(other != package for other in others):
        raise SystemExit(f"{path} differs between features: {having}")
    lines = ",\n".join(f"      {json.dumps(key)}: {indented(value)}" for key, value in package.items())
    return guarded(f",\n    {json.dumps(path)}: {{\n{lines}\n    }}", having)


def indented(value: object) -> str:
    """A value as npm writes it three levels deep."""
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n      ")


def root(template: Path) -> str:
    """The service itself, from package.json."""
    source = (template / "package.json.jinja").read_text(encoding="utf-8")

    def part(name: str) -> str:
        match = re.search(rf'^  "{name}": {{\n.*?^  }}', source, re.MULTILINE | re.DOTALL)
        assert match is not None
        return re.sub(r"^(?!\{%)", "    ", match[0], flags=re.MULTILINE)

    licence = '{%- if license %}\n      "license": {{ license|to_json }},\n{%- endif %}\n'
    head = '      "name": "{{ name }}-service",\n      "version": "0.1.0",\n'
    parts = ",\n".join(part(name) for name in ("dependencies", "devDependencies", "engines"))
    return f'    "": {{\n{head}{licence}{parts}\n    }}'


def write(template: Path) -> None:
    """Write one lock template and check it."""
    everything = resolved(template, FEATURES)
    found = {"": resolved(template, [], everything)}
    found |= {name: resolved(template, [name], everything) for name in FEATURES}
    texts = []
    for path in everything["packages"]:
        if path:
            having = {
                name: lock["packages"][path] for name, lock in found.items() if path in lock["packages"]
            }
            texts.append(entry(path, having))
    text = '{\n  "name": "{{ name }}-service",\n  "version": "0.1.0",\n  "lockfileVersion": 3,\n'
    text += f'  "requires": true,\n  "packages": {{\n{root(template)}{"".join(texts)}\n  }}\n}}\n'
    lock = template / "package-lock.json.jinja"
    lock.write_text(text, encoding="utf-8")
    for number in range(len(FEATURES) + 1):
        for features in itertools.combinations(FEATURES, number):
            ours: Lock = json.loads(rendered(lock, features))
            if ours != resolved(template, features, ours):
                raise SystemExit(f"npm locks something else for {features}")
    print(f"{len(everything['packages']) - 1} packages, {len(found['']['packages']) - 1} in every service")


def main(types: list[str]) -> None:
    """Lock the services of these types, or all."""
    tools.install(tools.TOOLCHAINS["node"], print)
    for kind in types or TEMPLATES:
        write(SERVICES / kind / "template")


if __name__ == "__main__":
    main(sys.argv[1:])
