"""A Docker Compose file from the units of a platform: the same containers, without nexus."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from nexus_cli.blueprint import graph
from nexus_cli.unit import HOST, Container, Probe, Stored, Unit

INPUT = "/run/nexus-input"
_INTERVAL = 2  # seconds between two health checks
_RESTART = {"always": "unless-stopped", "on-failure": "on-failure", "no": "no"}
_LISTENS = (
    'while read -r _ at _ state _; do case "$at $state" in *:{hexadecimal}" 0A") exit 0;; esac; done'
    " < /proc/net/tcp; "
    'while read -r _ at _ state _; do case "$at $state" in *:{hexadecimal}" 0A") exit 0;; esac; done'
    " < /proc/net/tcp6; exit 1"
)
_ANSWERS = (
    "has() {{ command -v $1 >/dev/null 2>&1; }}; "
    "if has wget; then exec wget -q -O /dev/null {url}; fi; "
    "if has curl; then exec curl -fsS -o /dev/null {url}; fi; "
    "if has python3; then exec python3 -c 'import urllib.request as r; r.urlopen(\"{url}\", timeout=4)'; fi; "
    "if has bash; then exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port} && "
    'printf "GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n" >&3 && '
    "read -r _ code _ <&3 && case $code in 2*) exit 0;; *) exit 1;; esac'; fi; "
)


@dataclass(frozen=True, slots=True)
class ComposeSettings:
    """The project's name, the folder that the file will lie in, and marks that stand for secrets.

    `marks` is mark -> variable: where a unit's text has the mark, the file refers to the variable.
    """

    name: str
    folder: Path
    marks: Mapping[str, str] = field(default_factory=dict)


def compose(units: Sequence[Unit], settings: ComposeSettings) -> str:
    """The text of the file; it holds no secret, and whatever compose would read as a variable is escaped."""
    by_name = {unit.name: unit for unit in units}
    names = _service_names(by_name)
    configs: dict[str, Any] = {}
    volumes: dict[str, Any] = {}
    services = {}
    always = graph.closure(
        {unit.name: [need for need in unit.needs if need in by_name] for unit in units},
        [unit.name for unit in units if not unit.profiles],
    )
    for unit in units:
        service = _service(unit, by_name, names, settings, configs)
        if unit.name not in always:
            service["profiles"] = list(unit.profiles)
        services[names[unit.name]] = service
        volumes |= dict.fromkeys(_volume_name(unit, stored) for stored in _container(unit).volumes.values())
    document = {"name": settings.name, "services": services, "volumes": volumes, "configs": configs}
    written = {key: _escaped(value, settings.marks) for key, value in document.items() if value}
    text: str = yaml.dump(written, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""

    def represent_text(self, value: str) -> yaml.ScalarNode:
        """A text, as a block where it has several lines."""
        return self.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _Dumper.represent_text)


def _service_names(units: Mapping[str, Unit]) -> dict[str, str]:
    """A name for each unit that is a host's name too: `db-order` of `db.order`, unless that is taken."""
    return {name: name if (plain := name.replace(".", "-")) in units else plain for name in units}


def _container(unit: Unit) -> Container:
    assert isinstance(unit.runtime, Container)  # noqa: S101 - these units are for containers
    return unit.runtime


def _service(
    unit: Unit,
    units: Mapping[str, Unit],
    names: Mapping[str, str],
    settings: ComposeSettings,
    configs: dict[str, Any],
) -> dict[str, Any]:
    container = _container(unit)
    said = {
        **_origin(container, settings.folder),
        **_program(unit, container),
        "environment": dict(unit.env),
        "depends_on": {
            names[need]: {"condition": _condition(units[need])} for need in unit.needs if need in units
        },
        "healthcheck": _healthcheck(unit),
        "ports": [
            f"{HOST}:{unit.ports[n]}:{port}" for n, port in container.listens.items() if n in unit.ports
        ],
        "volumes": [*_volumes(unit, container), *_binds(container, settings.folder)],
        "configs": list(_configs(unit, container, names[unit.name], configs)),
        **_confinement(container),
        "networks": {"default": {"aliases": list(container.aliases)}} if container.aliases else {},
        "restart": "no" if unit.kind == "job" else _RESTART[container.restart],
        "stop_signal": unit.stop_signal if unit.kind != "job" else "",
        "stop_grace_period": f"{unit.stop_seconds:g}s" if unit.kind != "job" else "",
    }
    return {key: value for key, value in said.items() if value not in ("", None, False, {}, [])}


def _origin(container: Container, folder: Path) -> dict[str, Any]:
    build = container.build
    if build is None:
        return {"image": container.image}
    said: dict[str, Any] = {"context": _relative(build.context, folder)}
    if build.dockerfile != "Dockerfile":
        said["dockerfile"] = build.dockerfile
    if build.target:
        said["target"] = build.target
    if build.args:
        said["args"] = dict(build.args)
    if build.packages:
        said["additional_contexts"] = {
            f"package-{name}": _relative(place, folder) for name, place in build.packages
        }
    return {"build": said}


def _program(unit: Unit, container: Container) -> dict[str, Any]:
    """What is run; what a job reads on its standard input is a file of its own."""
    if unit.input is not None:
        script = f'exec "$@" < {INPUT}'
        return {"entrypoint": ["sh", "-c", script, "sh"], "command": [*container.entrypoint, *unit.command]}
    return {"entrypoint": list(container.entrypoint), "command": list(unit.command)}


def _condition(need: Unit) -> str:
    if need.kind == "job":
        return "service_completed_successfully"
    return "service_healthy" if _healthcheck(need) else "service_started"


def _healthcheck(unit: Unit) -> dict[str, Any]:
    """A check that runs inside: with what every image has, or with the tools that this one has."""
    test = _test(unit.probe) if unit.probe is not None and unit.kind != "job" else []
    if not test:
        return {}
    retries = max(3, ceil(unit.start_seconds / _INTERVAL))
    return {"test": test, "interval": f"{_INTERVAL}s", "timeout": "5s", "retries": retries}


def _test(probe: Probe) -> list[str]:
    if probe.kind == "exec":
        return ["CMD", *probe.command]
    if probe.kind == "log" or probe.port is None:
        return []
    listens = _LISTENS.format(hexadecimal=f"{probe.port:04X}")
    if probe.kind == "tcp":
        return ["CMD-SHELL", listens]
    url = f"http://{HOST}:{probe.port}{probe.target or '/'}"
    return ["CMD-SHELL", _ANSWERS.format(url=url, port=probe.port, path=probe.target or "/") + listens]


def _volume_name(unit: Unit, stored: Stored) -> str:
    return stored.name if stored.shared else f"{unit.name}-{stored.name}"


def _volumes(unit: Unit, container: Container) -> Iterator[str]:
    for path, stored in container.volumes.items():
        yield f"{_volume_name(unit, stored)}:{path}" + (":ro" if stored.read_only else "")


def _binds(container: Container, folder: Path) -> Iterator[dict[str, Any]]:
    for path, bind in container.binds.items():
        said = {"type": "bind", "source": _relative(bind.source, folder), "target": path}
        if not bind.write:
            yield {**said, "read_only": True, "bind": {"create_host_path": bind.create}}
        else:
            yield {**said, "bind": {"create_host_path": bind.create}}


def _configs(
    unit: Unit, container: Container, name: str, configs: dict[str, Any]
) -> Iterator[dict[str, str]]:
    """The unit's files, whose contents stand at the end of the document."""
    files = {f"{container.files}/{path}": file.content for path, file in unit.files.items()}
    if unit.input is not None:
        files[INPUT] = unit.input
    for number, (path, content) in enumerate(sorted(files.items())):
        source = f"{name}-{number}"
        configs[source] = {"content": content}
        yield {"source": source, "target": path}


def _confinement(container: Container) -> dict[str, Any]:
    """What the container may do and take, as whom it runs and what it is called."""
    closed = container.closed
    return {
        "user": container.user,
        "working_dir": container.workdir,
        "hostname": container.hostname,
        "tmpfs": list(container.tmpfs),
        "read_only": container.read_only,
        "init": container.init,
        "cap_drop": ["ALL"] if closed else list(container.cap_drop),
        "cap_add": list(container.capabilities),
        "security_opt": ["no-new-privileges"] if closed else list(container.security_opt),
        "privileged": container.privileged,
        "group_add": list(container.group_add),
        "devices": list(container.devices),
        "sysctls": dict(container.sysctls),
        "ulimits": {name: {"soft": soft, "hard": hard} for name, (soft, hard) in container.ulimits.items()},
        "shm_size": container.shm_size,
        "extra_hosts": list(container.extra_hosts),
        "labels": dict(container.labels),
        "tty": container.tty,
        "stdin_open": container.stdin_open,
        "cpus": container.cpu,
        "mem_limit": container.memory,
    }


def _relative(path: Path, folder: Path) -> str:
    """A path as the file names it: from its own folder, and whole where that would lead far away."""
    relative = Path(os.path.relpath(path, folder)).as_posix()
    if relative.startswith("../.."):
        return str(path)
    return relative if relative.startswith(".") else f"./{relative}"


def _escaped(value: Any, marks: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _escaped(item, marks) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item, marks) for item in value]
    if not isinstance(value, str):
        return value
    text = value.replace("$", "$$")
    for mark, variable in marks.items():
        text = text.replace(mark, f"${{{variable}:?is missing}}")
    return text
