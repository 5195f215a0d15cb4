"""Bring the FastAPI template along with the packages: modules that a service without the package has itself.

A package's module is the one place where such code is changed. A service that uses the package
takes it from there; in another it lies among the service's own modules, word for word the same.

Run it with the interpreter of the development environment: `python tools/share_package_modules.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = Path(__file__).parents[1] / "templates"
SERVICE = TEMPLATES / "service/fastapi/template/src/{{ package }}/generated"


@dataclass(frozen=True)
class Shared:
    """A module of a package: the answer that names the package, what a service takes from it, and when."""

    variable: str
    says: str
    names: tuple[str, ...]
    when: str = ""


MODULES: Mapping[str, Shared] = {
    "observability/logs": Shared(
        "observability", "JSON logs, as every service of the platform writes them.", ("access", "configure")
    ),
    "observability/metrics": Shared(
        "observability", "Metrics, as every service of the platform has them.", ("metrics", "observe")
    ),
    "observability/tracing": Shared(
        "observability",
        "Correlation and traces, as they go through the whole platform.",
        ("Trace", "begin", "current", "exporter", "propagated"),
    ),
    "observability/health": Shared(
        "observability", "Liveness and readiness, as the whole platform asks for them.", ("live", "ready")
    ),
    "observability/reports": Shared(
        "observability",
        "Reports of what nobody handled, as every service of the platform sends them.",
        ("Reports",),
        "'SENTRY_DSN' in connections",
    ),
    "security/headers": Shared(
        "security", "Headers of every answer, as the whole platform gives them.", ("ALWAYS", "STRICT")
    ),
    "event-bus/jetstream": Shared(
        "event_bus",
        "Events over NATS JetStream, as the whole platform carries them.",
        ("Bus", "Data", "Envelope", "stream_of"),
        "'NATS_URL' in connections",
    ),
    "event-bus/relay": Shared(
        "event_bus",
        "The relay of an outbox, as the whole platform has it.",
        ("Relay",),
        "'NATS_URL' in connections and 'DATABASE_URL' in connections",
    ),
}


def written() -> Iterator[tuple[Path, str]]:
    """The service template's modules as they have to be."""
    for name, shared in MODULES.items():
        package, module = name.split("/")
        source = TEMPLATES / "package" / package / "python/template/src/{{ module }}" / f"{module}.py"
        file = f"{{% if {shared.when} %}}{module}.py{{% endif %}}" if shared.when else f"{module}.py"
        yield SERVICE / f"{file}.jinja", _joined(module, shared, source.read_text())


def _joined(module: str, shared: Shared, own: str) -> str:
    imported = f"from {{{{ {shared.variable} }}}}.{module} import {', '.join(shared.names)}"
    listed = ", ".join(f'"{name}"' for name in shared.names)
    return (
        f'{{% if {shared.variable} -%}}\n"""{shared.says}"""\n\n{imported}\n\n__all__ = [{listed}]\n'
        f"{{% else -%}}\n{own}{{% endif -%}}\n"
    )


def main() -> None:
    """Write those that differ."""
    for path, text in written():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
