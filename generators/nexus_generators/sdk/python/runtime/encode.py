"""Values as the wire wants them: every style of parameter, and every kind of body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic_core import to_json, to_jsonable_python

from .model import File, Model, Upload
from .operation import Body, Operation, Parameter

Pairs = list[tuple[str, str]]
Encoded = tuple[dict[str, str], bytes | None, list[tuple[str, Any]] | None]
_JOINED = {"spaceDelimited": " ", "pipeDelimited": "|"}
_RESERVED = ":/?#[]@!$&'()*+,;="
_FILES = (File, bytes)


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    return to_jsonable_python(value, by_alias=True)


def text(value: Any) -> str:
    """A scalar as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def target(operation: Operation[Any], given: Mapping[tuple[str, str], Any]) -> tuple[str, dict[str, str]]:
    """The path with its query, and the headers, of an operation with these parameters."""
    path, query, cookies = operation.path, [], []
    headers: dict[str, str] = {}
    for parameter in operation.parameters:
        value = given.get((parameter.location, parameter.name))
        if value is None:
            continue
        wanted = plain(value)
        if parameter.location == "path":
            path = path.replace("{" + parameter.name + "}", _path(parameter, wanted))
        elif parameter.location == "header":
            headers[parameter.name] = _header(parameter, wanted)
        elif parameter.location == "cookie":
            cookies.extend(_pairs(parameter, wanted))
        elif parameter.location == "querystring":
            query.append(text(wanted) if parameter.json else _form(_object_pairs(wanted)))
        else:
            query.append(_query(parameter, wanted))
    if cookies:
        headers["Cookie"] = "; ".join(f"{quote(name)}={quote(value)}" for name, value in cookies)
    return path + ("?" + "&".join(part for part in query if part) if any(query) else ""), headers


def _path(parameter: Parameter, value: Any) -> str:
    parts = _flat(value, explode=parameter.explode)
    if parameter.json:
        parts = [text(value)]
    encoded = [
        quote(part, safe="=" if isinstance(value, dict) and parameter.explode else "") for part in parts
    ]
    if parameter.style == "label":
        return "." + ("." if parameter.explode else ",").join(encoded)
    if parameter.style == "matrix":
        if isinstance(value, dict) and parameter.explode:
            return "".join(f";{part}" for part in encoded)
        if parameter.explode:
            return "".join(f";{parameter.name}={part}" for part in encoded)
        return f";{parameter.name}={','.join(encoded)}"
    joined = ",".join(encoded)
    if joined in {"", ".", ".."}:  # another path than the one that is meant
        raise ValueError(f"{parameter.name} must not be {joined!r}: it is part of the path")
    return joined


def _header(parameter: Parameter, value: Any) -> str:
    joined = text(value) if parameter.json else ",".join(_flat(value, explode=parameter.explode))
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in joined):
        raise ValueError(f"{parameter.name} must not hold control characters: it is a header")
    return joined


def _flat(value: Any, *, explode: bool) -> list[str]:
    if isinstance(value, dict):
        if explode:
            return [f"{key}={text(item)}" for key, item in value.items()]
        return [part for key, item in value.items() for part in (str(key), text(item))]
    return [text(item) for item in value] if isinstance(value, list) else [text(value)]


def _query(parameter: Parameter, value: Any) -> str:
    safe = _RESERVED if parameter.reserved else ""
    joint = {"form": ",", **_JOINED}.get(parameter.style)
    if isinstance(value, dict | list) and joint and not parameter.json and not parameter.explode:
        parts = (quote(part, safe=safe) for part in _flat(value, explode=False))
        return f"{quote(parameter.name, safe='')}={(joint if joint == ',' else quote(joint)).join(parts)}"
    return _form(_pairs(parameter, value), safe)


def _form(pairs: Iterable[tuple[str, str]], safe: str = "") -> str:
    return "&".join(f"{quote(name, safe='[]')}={quote(value, safe=safe)}" for name, value in pairs)


def _pairs(parameter: Parameter, value: Any) -> Pairs:
    if parameter.json:
        return [(parameter.name, text(value))]
    if parameter.style == "deepObject" and isinstance(value, dict | list):
        return list(_deep(parameter.name, value))
    if isinstance(value, dict):
        if parameter.explode:
            return [(key, text(item)) for key, item in value.items()]
        return [(parameter.name, ",".join(_flat(value, explode=False)))]
    if isinstance(value, list):
        if parameter.explode:
            return [(parameter.name, text(item)) for item in value]
        return [(parameter.name, _JOINED.get(parameter.style, ",").join(map(text, value)))]
    return [(parameter.name, text(value))]


def _deep(name: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _deep(f"{name}[{key}]", item)
    elif isinstance(value, list):
        for item in value:
            yield from _deep(name, item) if not isinstance(item, dict | list) else [(name, text(item))]
    else:
        yield name, text(value)


def _object_pairs(value: Any) -> Pairs:
    items = value.items() if isinstance(value, dict) else ()
    return [(key, text(part)) for key, item in items for part in (item if isinstance(item, list) else [item])]


def body(spec: Body, value: Any) -> Encoded:
    """Headers, content and multipart files of a body."""
    headers = {"Content-Type": spec.media}
    match spec.kind:
        case "json":
            return headers, to_json(value, by_alias=True), None
        case "jsonl":
            return headers, b"".join(to_json(item, by_alias=True) + b"\n" for item in value), None
        case "form":
            return headers, _form(_object_pairs(plain(value))).replace("%20", "+").encode(), None
        case "multipart":
            return {}, None, list(_parts(spec, value))
        case "text":
            return headers, value.encode() if isinstance(value, str) else _bytes(value), None
    return headers, _bytes(value), None


def _bytes(value: Upload | str) -> bytes:
    return value.encode() if isinstance(value, str) else File.of(value).read()


def _parts(spec: Body, value: Any) -> Iterable[tuple[str, Any]]:
    types = dict(spec.part_types)
    fields = value.model_dump(by_alias=True) if isinstance(value, Model) else value
    for name, item in fields.items():
        for part in item if isinstance(item, list) and name not in spec.json_parts else [item]:
            if isinstance(part, _FILES) or hasattr(part, "read_bytes"):
                file = File.of(part)
                yield name, (file.name, file.read(), types.get(name, file.media_type).split(",")[0])
            elif name in spec.json_parts or isinstance(part, dict | list):
                yield name, (None, to_json(part, by_alias=True), "application/json")
            else:
                wanted = text(plain(part)).encode()
                yield name, (None, wanted, types[name]) if types.get(name) else (None, wanted)
