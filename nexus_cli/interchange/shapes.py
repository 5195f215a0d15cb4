"""What kind of value stands at each key of a compose file in its one form; anything else is a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus_cli.blueprint.source import Location
from nexus_cli.interchange.located import ComposeFault, Map, Seq, place

TEXT, ANY, EACH = "text", "any", "*"
"""A single value; whatever it is; and the key that stands for every key of a mapping."""

Shape = Any
"""TEXT, ANY, a list of one shape, or a mapping of keys to shapes."""

_PAIRS = {EACH: TEXT}
_FILES = [{"source": TEXT, "target": TEXT}]
_SINGLE = (
    *("image", "user", "working_dir", "hostname", "network_mode", "container_name", "restart", "platform"),
    *("stop_grace_period", "stop_signal", "mem_limit", "cpus", "scale", "shm_size"),
    *("read_only", "init", "privileged", "tty", "stdin_open"),
)
_LISTS = (
    *("entrypoint", "command", "tmpfs", "links", "volumes_from", "profiles", "expose"),
    *("cap_add", "cap_drop", "security_opt", "group_add", "extra_hosts"),
)
SERVICE: Mapping[str, Shape] = {
    **dict.fromkeys(_SINGLE, TEXT),
    **{key: [TEXT] for key in _LISTS},
    "environment": _PAIRS,
    "labels": _PAIRS,
    "sysctls": _PAIRS,
    "configs": _FILES,
    "secrets": _FILES,
    "build": {
        **dict.fromkeys(("context", "dockerfile", "dockerfile_inline", "target"), TEXT),
        "args": {EACH: TEXT},
    },
    "env_file": [{"path": TEXT, "required": TEXT, "format": TEXT}],
    "depends_on": {EACH: {"condition": TEXT, "required": TEXT}},
    "networks": {EACH: {"aliases": [TEXT]}},
    "healthcheck": {
        "test": [TEXT],
        **dict.fromkeys(("interval", "timeout", "retries", "start_period", "disable"), TEXT),
    },
    "ports": [dict.fromkeys(("target", "published", "host_ip", "protocol", "name"), TEXT)],
    "volumes": [
        {
            **dict.fromkeys(("type", "source", "target", "read_only"), TEXT),
            "tmpfs": {"size": TEXT, "mode": TEXT},
            "bind": {"create_host_path": TEXT},
            "volume": {},
        }
    ],
    "ulimits": {EACH: {"soft": TEXT, "hard": TEXT}},
    "devices": [ANY],
    "deploy": {
        "resources": {"limits": {"cpus": TEXT, "memory": TEXT}},
        "restart_policy": {"condition": TEXT},
        "replicas": TEXT,
    },
}
RESOURCES: Mapping[str, Shape] = {
    "volumes": {"driver": TEXT, "driver_opts": {EACH: TEXT}},
    "networks": {},
    "configs": {"file": TEXT, "content": TEXT, "environment": TEXT},
    "secrets": {"file": TEXT, "environment": TEXT},
}


def check(value: Any, shape: Shape, where: Location, name: str) -> None:
    """Refuse a value that is not of the shape; a key without a value says nothing and fits."""
    if value is None or shape == ANY:
        return
    if shape == TEXT:
        _expect(isinstance(value, str), value, "a single value", where, name)
    elif isinstance(shape, list):
        _expect(isinstance(value, Seq), value, "a list", where, name)
        for number, item in enumerate(value):
            at = place(item, place(value, where))
            _expect(item is not None, item, "something", at, f"{name}[{number}]")
            check(item, shape[0], at, f"{name}[{number}]")
    else:
        _expect(isinstance(value, Map), value, "a mapping", where, name)
        for key, item in value.items():
            if not key.startswith("x-"):
                check(item, shape.get(key, shape.get(EACH, ANY)), value.at(key), f"{name}.{key}")


def _expect(fits: bool, value: Any, expected: str, where: Location, name: str) -> None:
    if not fits:
        words = {Map: "a mapping", Seq: "a list", type(None): "nothing"}
        got = words.get(type(value)) or repr(str(value))
        raise ComposeFault(f"{name}: expected {expected}, got {got}", place(value, where))
