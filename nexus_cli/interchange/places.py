"""Ports, stored data and files: where a component meets the machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nexus_cli.blueprint.source import Location
from nexus_cli.interchange import canonical, scalars
from nexus_cli.interchange.draft import Draft, number, truth
from nexus_cli.interchange.located import ComposeFault, Map, Seq, place
from nexus_cli.interchange.project import is_true

HIGHEST = 65535
_WELL_KNOWN = {80: "http", 443: "https", 22: "ssh", 5432: "sql", 3306: "sql", 6379: "redis", 27017: "mongo"}
_OWN = {"127.0.0.1", "::1", "localhost"}
_ANYWHERE = {"", "0.0.0.0", "::", *_OWN}  # noqa: S104 - read, not listened on
_MOUNT_MODE = "nexus binds without propagation modes"


def ports(draft: Draft, value: Seq, where: Location) -> None:
    """`ports` that the component listens on, and `publish` where this machine's differ."""
    for entry in value:
        at = place(entry, where)
        protocol = str(entry.get("protocol", "tcp")).lower()
        target = str(entry.get("target", ""))
        if "range" in entry:
            draft.lost("ports", at, f"{target}: more than {canonical.MOST_PORTS} ports")
        elif protocol != "tcp":
            draft.lost("ports", at, f"{target}/{protocol}: only TCP ports are published")
        else:
            _port(draft, entry, at)
        draft.leftover(
            "ports",
            entry,
            {"target", "published", "host_ip", "protocol", "name", "mode", "range", "app_protocol"},
        )


def open_to_others(services: Iterable[Map]) -> Location | None:
    """Where the first port is written that other machines reached."""
    entries = (entry for service in services for entry in service.get("ports") or ())
    return next((e.where for e in entries if e.get("host_ip") not in _OWN), None)


def _port(draft: Draft, entry: Map, where: Location) -> None:
    target = _port_number(entry.get("target"), where)
    published = str(entry.get("published") or "")
    first = published.partition("-")[0]
    wanted = _port_number(first, where) if first else target
    address = str(entry.get("host_ip") or "")
    if address not in _ANYWHERE:
        draft.adapted("ports", where, f"published on 127.0.0.1, not on {address}")
    taken = draft.context.taken
    port = next(port for port in [*range(wanted, HIGHEST), *range(1024, wanted)] if port not in taken)
    if not first or "-" in published:
        draft.adapted(
            "ports", where, f"{target} is published on {port}, not on one that changes with each start"
        )
    elif port != wanted:
        draft.adapted("ports", where, f"{target} is published on {port}: {wanted} is {taken[wanted]}'s")
    taken[port] = draft.name
    wanted_name = str(entry.get("name") or _WELL_KNOWN.get(target, f"port-{target}"))
    name = draft.unique("ports", wanted_name)
    draft.data.setdefault("ports", {})[name] = target
    if port != target:
        draft.data.setdefault("publish", {})[name] = port


def _port_number(value: Any, where: Location) -> int:
    found = number(value, where, "a port")
    if not 1 <= found <= HIGHEST:
        raise ComposeFault(f"{found} is not a port", place(value, where), f"ports go from 1 to {HIGHEST}")
    return found


def volumes(draft: Draft, value: Seq, where: Location) -> None:
    """Volumes, files and folders of this machine, and memory, each at its path inside."""
    for entry in value:
        at = place(entry, where)
        kind, target = str(entry.get("type", "volume")), str(entry.get("target") or "")
        if not target.startswith("/"):
            draft.lost("volumes", at, f'the path inside must begin with "/", got {target!r}')
        elif kind == "bind":
            _bind(draft, entry, str(entry.get("source") or ""), target, at)
        elif kind == "volume":
            _volume(draft, entry, target, at)
        elif kind == "tmpfs":
            options = entry.get("tmpfs") or Map({}, at)
            said = ",".join(f"{key}={options[key]}" for key in ("size", "mode") if options.get(key))
            draft.append("tmpfs", f"{target}:{said}" if said else target)
            draft.leftover("volumes.tmpfs", options, {"size", "mode"})
        else:
            draft.lost("volumes", at, f"{target}: nexus knows no mounts of type {kind}")
        _mount_leftover(draft, entry)


def _mount_leftover(draft: Draft, entry: Map) -> None:
    known = {"type", "source", "target", "read_only", "tmpfs", "bind", "volume", "consistency"}
    draft.leftover("volumes", entry, known, {"mode": _MOUNT_MODE})
    bind = entry.get("bind") or Map({}, entry.where)
    draft.leftover("volumes.bind", bind, {"create_host_path", "selinux"}, {"propagation": _MOUNT_MODE})
    stored = entry.get("volume") or Map({}, entry.where)
    draft.leftover("volumes.volume", stored, (), {"subpath": "a volume is mounted as a whole"})


def _bind(draft: Draft, entry: Map, source: str, target: str, where: Location) -> None:
    if not source:
        raise ComposeFault("a bind mount needs a source", where)
    inside = draft.context.below(source)
    written: dict[str, Any] = {"source": inside if inside is not None else source}
    if not truth(entry.get("read_only")):
        written["write"] = True
    options = entry.get("bind") or {}
    if (
        not Path(source).is_file()
        and not Path(target).suffix
        and is_true(options.get("create_host_path", "true"))
    ):
        written["create"] = True
    elif not Path(source).exists():
        draft.adapted("volumes", where, f"{written['source']} is missing; put it there before `nexus up`")
    draft.data.setdefault("mounts", {})[target] = written if len(written) > 1 else written["source"]
    if inside is None and not source.startswith(("/var/run/", "/run/", "/etc/", "/proc", "/sys", "/dev")):
        draft.adapted("volumes", where, f"{source} lies outside of the workspace; it is bound from there")


def _volume(draft: Draft, entry: Map, target: str, where: Location) -> None:
    source = str(entry.get("source") or "")
    described = draft.context.project.resources["volumes"]
    if source and source not in described:
        raise ComposeFault(
            f'the volume "{source}" is not described', where, f"add it below `volumes:`, or write ./{source}"
        )
    device = _bound_device(described.get(source)) if source else ""
    if device:
        path = canonical.absolute(device, draft.context.project.directory)
        _bind(draft, entry, path, target, where)
        return
    wanted = source or target.rstrip("/").rpartition("/")[2] or "data"
    name = draft.unique("volumes", wanted)
    written: dict[str, Any] = {"path": target}
    if source in draft.context.shared:
        written["shared"] = draft.context.shared[source]
    if truth(entry.get("read_only")):
        written["read_only"] = True
    draft.data.setdefault("volumes", {})[name] = written if len(written) > 1 else target


def _bound_device(described: Map | None) -> str:
    """The folder of this machine that a volume of the local driver stands for, if it is one."""
    options = described.get("driver_opts") or {} if described else {}
    words = str(options.get("o", "")).split(",")
    return str(options.get("device", "")) if {"bind", "rbind"} & set(words) else ""


def volume_resources(draft_report: Any, described: dict[str, Map | None], project: str) -> None:
    """Report what the top-level volumes say beyond their names."""
    for name, entry in described.items():
        if entry is None:
            continue
        where = entry.where
        if truth(entry.get("external")) or isinstance(entry.get("external"), Map):
            reason = "nexus makes a volume of its own; what the external one holds is not copied"
            draft_report.add(project, f"volumes.{name}.external", "lost", entry.at("external"), reason)
        elif _bound_device(entry):
            draft_report.add(project, f"volumes.{name}", "carried", where)
        for key, value in entry.items():
            if (
                key == "external"
                or key.startswith("x-")
                or value is None
                or (_bound_device(entry) and key != "labels")
            ):
                continue
            if key == "name":
                reason = "nexus names volumes after the platform and environment"
                draft_report.add(project, f"volumes.{name}.name", "adapted", entry.at(key), reason)
            elif not (key == "driver" and value in {"local", ""}):
                reason = "volumes are the engine's own, without options"
                draft_report.add(project, f"volumes.{name}.{key}", "lost", entry.at(key), reason)


def tmpfs(draft: Draft, value: Seq, where: Location) -> None:
    """Folders in memory."""
    del where
    for entry in value:
        draft.append("tmpfs", str(entry))


def configs(draft: Draft, value: Seq, where: Location) -> None:
    """Configs as files that are mounted read-only."""
    _files(draft, "configs", value, where, "/")


def secret_files(draft: Draft, value: Seq, where: Location) -> None:
    """Secrets as files that are mounted read-only."""
    _files(draft, "secrets", value, where, "/run/secrets/")


def _files(draft: Draft, kind: str, value: Seq, where: Location, folder: str) -> None:
    context = draft.context
    for entry in value:
        at, source = place(entry, where), str(entry.get("source") or "")
        described = context.project.resources[kind]
        if source not in described:
            raise ComposeFault(f'"{source}" is not described below `{kind}:`', at)
        target = str(entry.get("target") or source)
        path = target if target.startswith("/") else f"{folder}{target}"
        written = _written_file(draft, kind, source, described[source] or Map({}, at), at)
        if written is None:
            continue
        draft.data.setdefault("mounts", {})[path] = written
        reasons = dict.fromkeys(("uid", "gid", "mode"), "the file keeps its own owner and rights")
        draft.leftover(kind, entry, {"source", "target"}, reasons)


def _written_file(draft: Draft, kind: str, source: str, described: Map, where: Location) -> str | None:
    """The path of a config's or secret's file, relative to the workspace where it lies there."""
    context = draft.context
    if described.get("file"):
        path = str(described["file"])
        if not Path(path).exists():
            draft.adapted(kind, where, f"{path} is missing; put it there before `nexus up`")
        return context.below(path) or path
    content = described.get("content")
    if kind == "configs" and described.get("environment"):
        content = context.project.variables.get(str(described["environment"]))
    if kind == "configs" and content is not None:
        path = f"config/{re.sub(r'[^A-Za-z0-9._-]+', '-', source)}"
        context.files[path] = str(content)
        return path
    origin = "the environment" if described.get("environment") else "outside of the file"
    draft.lost(kind, where, f"{source} comes from {origin}; write it to a file and mount that")
    return None


def build(draft: Draft, value: Map, where: Location) -> None:
    """An image that is built from a folder."""
    del where
    context_path = str(value.get("context") or draft.context.project.directory)
    if canonical.is_remote(context_path):
        reason = f"{context_path} is not a folder: clone it and name the folder"
        draft.lost("build.context", value.at("context"), reason)
        return
    below = draft.context.below(context_path)
    written: dict[str, Any] = {"context": below if below is not None else context_path}
    dockerfile = str(value.get("dockerfile") or "")
    if value.get("dockerfile_inline"):
        dockerfile = f"{draft.name}.Dockerfile"
        if below is None:
            draft.lost(
                "build.dockerfile_inline", value.at("dockerfile_inline"), "its folder is not ours to write to"
            )
        else:
            path = f"{below}/{dockerfile}".removeprefix("./")
            draft.context.files[path] = str(value["dockerfile_inline"])
    if dockerfile and not (Path(context_path) / dockerfile).resolve().is_relative_to(
        Path(context_path).resolve()
    ):
        draft.lost(
            "build.dockerfile", value.at("dockerfile"), f"{dockerfile} lies outside of the build's folder"
        )
    elif dockerfile:
        written["dockerfile"] = dockerfile.removeprefix("./")
    if value.get("target"):
        written["target"] = str(value["target"])
    args = value.get("args") or {}
    variables = draft.context.project.variables
    found = {key: variables.get(key) if arg is None else arg for key, arg in args.items()}
    if found:
        written["args"] = {key: draft.text(str(arg), key) for key, arg in found.items() if arg is not None}
    draft.data["build"] = written
    known = {"context", "dockerfile", "dockerfile_inline", "target", "args"}
    reasons = dict.fromkeys(("cache_from", "cache_to", "no_cache", "pull"), "the engine's own cache is used")
    draft.leftover("build", value, known, reasons)


def shared_volumes(services: dict[str, Map], described: dict[str, Map | None]) -> dict[str, str]:
    """Volumes that are mounted more than once: the name under which the platform shares each."""
    uses: dict[str, int] = {}
    for service in services.values():
        for entry in service.get("volumes") or ():
            source = entry.get("source")
            if source in described and entry.get("type", "volume") == "volume":
                uses[source] = uses.get(source, 0) + 1
    found: dict[str, str] = {}
    for source, count in uses.items():
        if count > 1:
            found[source] = scalars.name(source, found.values(), otherwise="data")
    return found
