"""The keys of a compose service: what each becomes in a component, or why it becomes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.source import Location
from nexus_cli.interchange import places, scalars
from nexus_cli.interchange.draft import Draft, number, truth
from nexus_cli.interchange.located import ComposeFault, Map, Seq, place

Handler = Callable[[Draft, Any, Location], None]
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_EXEC_SECONDS = 60.0


def alias(draft: Draft, name: str, key: str, where: Location) -> None:
    """One more name under which other units reach the component."""
    context = draft.context
    if name == draft.name or name == draft.data.get("hostname"):
        return
    if name in {*context.names.values(), *context.others}:
        draft.lost(key, where, f'"{name}" is the name of another component')
    elif not _HOST.fullmatch(name):
        draft.lost(key, where, f"{name!r} cannot be the name of a host")
    else:
        draft.append("aliases", name)


def _image(draft: Draft, value: Any, where: Location) -> None:
    if draft.written.get("build") and "build" not in draft.data:
        HANDLERS["build"](draft, draft.written["build"], draft.written.at("build"))
    if "build" in draft.data:
        draft.adapted("image", where, "the image is built; it is named after the platform and its content")
    else:
        draft.data["image"] = str(value)


def _build(draft: Draft, value: Any, where: Location) -> None:
    if "build" not in draft.data:
        places.build(draft, value, where)


def _words(key: str) -> Handler:
    def handle(draft: Draft, value: Any, where: Location) -> None:
        words = [draft.text(str(word)) for word in value]
        if words:
            draft.data[key] = words
        else:
            draft.lost(key, where, f"an empty {key} is the image's own")

    return handle


def _depends_on(draft: Draft, value: Any, where: Location) -> None:
    del where
    context = draft.context
    for target, entry in value.items():
        at = value.at(target)
        required = truth(entry.get("required", "true"))
        if target not in context.names:
            _absent(draft, target, at, required=required)
            continue
        if target in context.project.inactive and not required:
            draft.lost(f"depends_on.{target}", at, "what is of a profile is started only where it is chosen")
            continue
        draft.append("uses", context.names[target])
        draft.leftover(
            f"depends_on.{target}", entry, {"condition", "required"}, {"restart": "see `nexus up`"}
        )
        health = context.project.described[target].get("healthcheck") or {}
        if entry.get("condition") == "service_healthy" and not health.get("test"):
            reason = "the health check of an image is not asked: it counts as ready once it runs"
            draft.adapted(f"depends_on.{target}", at, reason)


def _absent(draft: Draft, target: str, where: Location, *, required: bool = True) -> None:
    if required:
        hint = did_you_mean(target, draft.context.project.described) or "describe it, or take it out"
        raise ComposeFault(f'"{draft.service}" depends on an unknown service "{target}"', where, hint)
    draft.lost("depends_on", where, f"there is no {target}")


def _links(draft: Draft, value: Any, where: Location) -> None:
    for written in value:
        target, _, called = str(written).partition(":")
        at = place(written, where)
        if target not in draft.context.names:
            _absent(draft, target, at)
            continue
        draft.append("uses", draft.context.names[target])
        if called and called != target:
            draft.adapted("links", at, f"{called} is an alias of {target} now, for everybody")


def _volumes_from(draft: Draft, value: Any, where: Location) -> None:
    for written in value:
        draft.append("uses", draft.context.names[str(written).partition(":")[0]])
    draft.adapted("volumes_from", where, "the volumes are written out")


def _networks(draft: Draft, value: Any, where: Location) -> None:
    for name, entry in value.items():
        for other in (entry or {}).get("aliases") or ():
            alias(draft, str(other), "networks.aliases", place(other, where))
        if entry:
            reason = "a container's address is the engine's to choose"
            reasons = dict.fromkeys(("ipv4_address", "ipv6_address", "mac_address"), reason)
            draft.leftover(f"networks.{name}", entry, {"aliases", "priority", "gw_priority"}, reasons)
    if len(draft.context.project.resources["networks"]) > 1:
        draft.adapted("networks", where, "all units of a platform share its one network")


def _network_mode(draft: Draft, value: Any, where: Location) -> None:
    if value not in {"bridge", "default", ""}:
        draft.lost("network_mode", where, f"{value}: units are on the platform's own network")


def _container_name(draft: Draft, value: Any, where: Location) -> None:
    alias(draft, str(value), "container_name", where)
    draft.adapted("container_name", where, "nexus names containers itself; the name is kept as an alias")


def _hostname(draft: Draft, value: Any, where: Location) -> None:
    if not value:
        return
    if not _HOST.fullmatch(value):
        draft.lost("hostname", where, f"{str(value)!r} cannot be the name of a host")
        return
    draft.data["hostname"] = str(value)
    if value in draft.context.names.values():
        return
    draft.append("aliases", str(value))  # compose lets others find a container by it


def _health(draft: Draft, value: Any, where: Location) -> None:
    test: Sequence[Any] = value.get("test") or ()
    if value.keys() == {"disable"} and not truth(value["disable"]):
        return
    if truth(value.get("disable")) or (test and test[0] == "NONE"):
        draft.adapted("healthcheck", where, "none is asked")
        return
    if len(test) == 1 and test[0] in {"CMD", "CMD-SHELL"}:
        draft.lost("healthcheck", where, f"{test[0]} without a command asks nothing")
        return
    if not test:
        draft.lost("healthcheck", where, "without a test it changes that of the image, which is not asked")
        return
    words = ["/bin/sh", "-c", " ".join(test[1:])] if test[0] == "CMD-SHELL" else list(test[1:])
    if test[0] not in {"CMD", "CMD-SHELL"}:
        raise ComposeFault("a health check begins with CMD, CMD-SHELL or NONE", place(test, where))
    draft.data["health"] = {"exec": [draft.text(str(word)) for word in words], **_patience(value)}
    draft.leftover(
        "healthcheck",
        value,
        {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"},
    )


def _patience(value: Map) -> dict[str, str]:
    """How long the component may take: what compose would wait before it calls it unhealthy."""
    every = _seconds(value, "interval", 30.0) + _seconds(value, "timeout", 30.0)
    tries = number(value["retries"], value.at("retries"), "retries") if value.get("retries") else 3
    start = _seconds(value, "start_period", 0.0) + max(1, tries) * every
    return {"start": scalars.duration(round(start))} if start > _EXEC_SECONDS else {}


def _seconds(entry: Map, key: str, otherwise: float) -> float:
    if not entry.get(key):
        return otherwise
    try:
        return scalars.seconds(str(entry[key]))
    except ValueError as fault:
        raise ComposeFault(f"{key}: {fault}", entry.at(key), "write it as 10s or 1m30s") from None


def _grace(draft: Draft, value: Any, where: Location) -> None:
    entry = Map({"stop_grace_period": value}, where)
    draft.data["stop_grace"] = scalars.duration(_seconds(entry, "stop_grace_period", 10.0))


def _stop_signal(draft: Draft, value: Any, where: Location) -> None:
    if value and re.fullmatch(r"[A-Z0-9+]+", value.upper()):
        draft.data["stop_signal"] = value.upper()
    elif value:
        draft.lost("stop_signal", where, f"{str(value)!r} is not a signal")


def _restart(draft: Draft, value: Any, where: Location) -> None:
    if not value:
        return
    word, _, most = str(value).partition(":")
    known = {
        "no": "no",
        "false": "no",
        "always": "always",
        "unless-stopped": "always",
        "on-failure": "on-failure",
    }
    if word not in known:
        raise ComposeFault(
            f"unknown restart policy {word!r}", where, "one of no, always, on-failure, unless-stopped"
        )
    draft.data["restart"] = known[word]
    if most:
        draft.adapted("restart", where, "restarted after each failure, not a limited number of times")


def _size(draft: Draft, key: str, value: Any, where: Location) -> str | None:
    try:
        return scalars.size(str(value))
    except ValueError as fault:
        draft.lost(key, where, str(fault))
        return None


def _limit_memory(draft: Draft, value: Any, where: Location, key: str = "mem_limit") -> None:
    found = _size(draft, key, value, where) if str(value) not in {"0", ""} else None
    if found:
        draft.data.setdefault("limits", {})["memory"] = found


def _limit_cpu(draft: Draft, value: Any, where: Location) -> None:
    try:
        cores = float(str(value) or 0)
    except ValueError:
        raise ComposeFault(f"cpus must be a number, got {str(value)!r}", place(value, where)) from None
    if cores > 0:
        draft.data.setdefault("limits", {})["cpu"] = cores


def _deploy(draft: Draft, value: Any, where: Location) -> None:
    del where
    resources = value.get("resources") or Map({}, value.where)
    limits = resources.get("limits") or Map({}, value.where)
    if limits.get("cpus"):
        _limit_cpu(draft, limits["cpus"], limits.at("cpus"))
    if limits.get("memory"):
        _limit_memory(draft, limits["memory"], limits.at("memory"), "deploy.resources.limits.memory")
    draft.leftover("deploy.resources.limits", limits, {"cpus", "memory"})
    reasons = {"reservations": "nexus limits, and reserves nothing"}
    draft.leftover("deploy.resources", resources, {"limits"}, reasons)
    policy = value.get("restart_policy") or Map({}, value.where)
    condition = str(policy.get("condition", "any")) if policy else ""
    if condition:
        draft.data["restart"] = {"none": "no", "on-failure": "on-failure"}.get(condition, "always")
    draft.leftover("deploy.restart_policy", policy, {"condition"}, {})
    if str(value.get("replicas") or "1") != "1":
        draft.lost("deploy.replicas", value.at("replicas"), "a component runs once")
    swarm = "only a swarm acts on it"
    known = {"resources", "restart_policy", "replicas"}
    draft.leftover("deploy", value, known, dict.fromkeys(value, swarm))


def _scale(draft: Draft, value: Any, where: Location) -> None:
    if str(value) != "1":
        draft.lost("scale", where, "a component runs once")


def _ulimits(draft: Draft, value: Any, where: Location) -> None:
    limits = draft.data.setdefault("ulimits", {})
    for name, limit in value.items():
        if limit is None:
            continue
        soft = number(limit.get("soft", "0"), where, f"ulimits.{name}.soft")
        hard = number(limit.get("hard", str(soft)), where, f"ulimits.{name}.hard")
        limits[name] = soft if soft == hard else {"soft": soft, "hard": hard}


def _devices(draft: Draft, value: Any, where: Location) -> None:
    for entry in value:
        if not isinstance(entry, Map):
            draft.append("devices", str(entry))
        else:
            parts = [str(entry.get(key) or "") for key in ("source", "target", "permissions")]
            draft.append("devices", ":".join(parts).rstrip(":"))
    del where


def _platform(draft: Draft, value: Any, where: Location) -> None:
    if value:
        draft.lost("platform", where, "images are taken as the engine's machine needs them")


def _flag(key: str) -> Handler:
    def handle(draft: Draft, value: Any, where: Location) -> None:
        del where
        if truth(value):
            draft.data[key] = True

    return handle


def _as_is(key: str) -> Handler:
    def handle(draft: Draft, value: Any, where: Location) -> None:
        del where
        if isinstance(value, Seq):
            draft.data[key] = [str(item) for item in value]
        elif isinstance(value, Map):
            draft.data[key] = {name: "" if item is None else str(item) for name, item in value.items()}
        elif value:
            draft.data[key] = str(value)

    return handle


def _shm_size(draft: Draft, value: Any, where: Location) -> None:
    found = _size(draft, "shm_size", value, where)
    if found:
        draft.data["shm_size"] = found


def _profiles(draft: Draft, value: Any, where: Location) -> None:
    if draft.service in draft.context.project.inactive:
        draft.data["profiles"] = list(
            dict.fromkeys(scalars.name(name, otherwise="profile") for name in value)
        )
    elif value:
        draft.adapted("profiles", where, "it was chosen, and is always wanted now")


def _counted(draft: Draft, value: Any, where: Location) -> None:
    """A key that is read elsewhere, as a part of something else."""


HANDLERS: Mapping[str, Handler] = {
    "image": _image,
    "build": _build,
    "entrypoint": _words("entrypoint"),
    "command": _words("command"),
    "environment": _counted,
    "env_file": _counted,
    "depends_on": _depends_on,
    "links": _links,
    "volumes_from": _volumes_from,
    "ports": places.ports,
    "volumes": places.volumes,
    "tmpfs": places.tmpfs,
    "configs": places.configs,
    "secrets": places.secret_files,
    "networks": _networks,
    "network_mode": _network_mode,
    "container_name": _container_name,
    "hostname": _hostname,
    "healthcheck": _health,
    "stop_grace_period": _grace,
    "stop_signal": _stop_signal,
    "restart": _restart,
    "deploy": _deploy,
    "mem_limit": _limit_memory,
    "cpus": _limit_cpu,
    "scale": _scale,
    "ulimits": _ulimits,
    "devices": _devices,
    "shm_size": _shm_size,
    "platform": _platform,
    "user": _as_is("user"),
    "working_dir": _as_is("workdir"),
    "read_only": _flag("read_only"),
    "init": _flag("init"),
    "privileged": _flag("privileged"),
    "tty": _flag("tty"),
    "stdin_open": _flag("stdin_open"),
    "cap_add": _as_is("capabilities"),
    "cap_drop": _as_is("cap_drop"),
    "security_opt": _as_is("security_opt"),
    "group_add": _as_is("group_add"),
    "sysctls": _as_is("sysctls"),
    "extra_hosts": _as_is("extra_hosts"),
    "labels": _as_is("labels"),
    "profiles": _profiles,
}

NO_EFFECT: Mapping[str, str] = {
    "expose": "units of a platform reach every port of one another",
    "attach": "`nexus logs` shows what is wanted",
    "logging": "nexus keeps the logs of every unit itself; see `nexus logs`",
    "pull_policy": "an image is pulled when the engine does not have it",
    "oom_score_adj": "the engine's own order is kept",
    "develop": "edit and run `nexus up` again",
}

NOT_CARRIED: Mapping[str, str] = {
    **dict.fromkeys(
        ("pid", "ipc", "uts", "userns_mode", "cgroup", "cgroup_parent"), "a unit has namespaces of its own"
    ),
    **dict.fromkeys(("dns", "dns_search", "dns_opt"), "names are resolved by the engine"),
    **dict.fromkeys(("gpus", "runtime", "device_cgroup_rules"), "a unit is given no processors but CPUs"),
    **dict.fromkeys(
        (
            "mem_reservation",
            "memswap_limit",
            "mem_swappiness",
            "cpu_shares",
            "cpu_quota",
            "cpu_period",
            "cpuset",
        ),
        "nexus limits cores and memory only: cpus, mem_limit",
    ),
    "external_links": "a platform's network is its own: use extra_hosts",
    "mac_address": "a container's address is the engine's to choose",
    "post_start": "make it a service of its own that others wait for",
    "pre_stop": "let the program act on its stop signal",
}
