"""OpenAPI 2.0 (Swagger) as 3.0: the same paths, parameters, bodies and schemas under their later names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_MOVED = {
    "#/definitions/": "#/components/schemas/",
    "#/parameters/": "#/components/parameters/",
    "#/responses/": "#/components/responses/",
    "#/securityDefinitions/": "#/components/securitySchemes/",
}
_OF_A_SCHEMA = (
    *("type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
    *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "enum", "multipleOf"),
)
_STYLES = {"csv": ("form", False), "ssv": ("spaceDelimited", False), "pipes": ("pipeDelimited", False)}
_FLOWS = {"application": "clientCredentials", "accessCode": "authorizationCode"}


def convert(old: Mapping[str, Any]) -> dict[str, Any]:
    """A 2.0 document as 3.0; what 3.0 has no word for is left out, as it has no meaning for a client."""
    consumes, produces = _texts(old.get("consumes")), _texts(old.get("produces"))
    shared = _mapping(old.get("parameters"))
    bodies = {name: p for name, p in shared.items() if isinstance(p, dict) and _is_body(p)}
    components = {
        "schemas": _mapping(old.get("definitions")),
        "parameters": {name: _parameter(p) for name, p in shared.items() if name not in bodies},
        "responses": {n: _response(r, produces) for n, r in _mapping(old.get("responses")).items()},
        "securitySchemes": {n: _scheme(s) for n, s in _mapping(old.get("securityDefinitions")).items()},
    }
    new: dict[str, Any] = {"openapi": "3.0.4", "info": old.get("info") or {}, "servers": _servers(old)}
    new["paths"] = {
        path: _item(item, bodies, consumes, produces) for path, item in _mapping(old.get("paths")).items()
    }
    new["components"] = {name: part for name, part in components.items() if part}
    kept = ("tags", "security", "externalDocs")
    new |= {key: value for key, value in old.items() if key in kept or key.startswith("x-")}
    moved: dict[str, Any] = _rename(new)
    return moved


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _is_body(parameter: Mapping[str, Any]) -> bool:
    return parameter.get("in") in {"body", "formData"}


def _servers(old: Mapping[str, Any]) -> list[dict[str, str]]:
    base, host = str(old.get("basePath") or ""), old.get("host")
    if not host:
        return [{"url": base or "/"}]
    return [
        {"url": f"{scheme}://{host}{base.rstrip('/')}"} for scheme in _texts(old.get("schemes")) or ["https"]
    ]


def _item(item: Any, shared: Mapping[str, Any], consumes: list[str], produces: list[str]) -> Any:
    if not isinstance(item, dict):
        return item
    common = [_found(p, shared) for p in item.get("parameters") or []]
    new = {key: value for key, value in item.items() if key not in {*METHODS, "parameters"}}
    plain = [_parameter(p) for p in common if not _is_body(p)]
    if plain:
        new["parameters"] = plain
    inherited = [p for p in common if _is_body(p)]
    for method in METHODS:
        if isinstance(item.get(method), dict):
            new[method] = _operation(item[method], inherited, shared, consumes, produces)
    return new


def _found(parameter: Any, shared: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter, or the body that it refers to; what it refers to otherwise stays a reference."""
    ref = parameter.get("$ref") if isinstance(parameter, dict) else None
    if isinstance(ref, str) and ref.startswith("#/parameters/"):
        return _mapping(shared.get(ref.removeprefix("#/parameters/"), parameter))
    return _mapping(parameter)


def _operation(
    old: Mapping[str, Any],
    inherited: list[dict[str, Any]],
    shared: Mapping[str, Any],
    consumes: list[str],
    produces: list[str],
) -> dict[str, Any]:
    parameters = [_found(p, shared) for p in old.get("parameters") or []]
    bodies = [p for p in parameters if _is_body(p)] or inherited
    dropped = {"parameters", "responses", "consumes", "produces", "schemes"}
    new = {key: value for key, value in old.items() if key not in dropped}
    plain = [_parameter(p) for p in parameters if not _is_body(p)]
    if plain:
        new["parameters"] = plain
    if bodies:
        new["requestBody"] = _body(bodies, _texts(old.get("consumes")) or consumes)
    made = _texts(old.get("produces")) or produces
    new["responses"] = {s: _response(r, made) for s, r in _mapping(old.get("responses")).items()}
    return new


def _parameter(old: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(old, dict) or "$ref" in old:
        return old
    new = {key: value for key, value in old.items() if key not in {*_OF_A_SCHEMA, "collectionFormat"}}
    new["schema"] = {key: value for key, value in old.items() if key in _OF_A_SCHEMA}
    if old.get("type") == "array" and old.get("in") in {"query", "header", "path"}:
        style, explode = _STYLES.get(str(old.get("collectionFormat", "csv")), ("form", True))
        new |= {"style": style if old["in"] == "query" else "simple", "explode": explode}
    return new


def _body(parameters: list[dict[str, Any]], consumes: list[str]) -> dict[str, Any]:
    whole = next((p for p in parameters if p.get("in") == "body"), None)
    if whole is not None:
        content = {media: {"schema": whole.get("schema", {})} for media in consumes or ["application/json"]}
        return {
            "description": whole.get("description", ""),
            "required": whole.get("required", False),
            "content": content,
        }
    fields = {str(p.get("name")): _field(p) for p in parameters}
    needed = [name for p, name in zip(parameters, fields, strict=False) if p.get("required")]
    schema = {"type": "object", "properties": fields, **({"required": needed} if needed else {})}
    has_file = any(p.get("type") == "file" for p in parameters)
    usual = "multipart/form-data" if has_file else "application/x-www-form-urlencoded"
    allowed = [m for m in consumes if m.startswith(("multipart/", "application/x-www-form"))]
    if has_file:
        allowed = [m for m in allowed if m.startswith("multipart/")]
    return {"required": bool(needed), "content": {media: {"schema": schema} for media in allowed or [usual]}}


def _field(old: Mapping[str, Any]) -> dict[str, Any]:
    new = {key: value for key, value in old.items() if key in (*_OF_A_SCHEMA, "description")}
    return {**new, "type": "string", "format": "binary"} if old.get("type") == "file" else new


def _response(old: Any, produces: list[str]) -> Any:
    if not isinstance(old, dict) or "$ref" in old:
        return old
    new: dict[str, Any] = {"description": old.get("description", "")}
    if "schema" in old:
        schema = old["schema"]
        if isinstance(schema, dict) and schema.get("type") == "file":
            schema = {"type": "string", "format": "binary"}
            produces = [m for m in produces if "json" not in m] or ["application/octet-stream"]
        new["content"] = {media: {"schema": schema} for media in produces or ["application/json"]}
    if isinstance(old.get("headers"), dict):
        new["headers"] = {name: _parameter(h) for name, h in old["headers"].items()}
    return new


def _scheme(old: Any) -> Any:
    if not isinstance(old, dict) or old.get("type") == "apiKey":
        return old
    if old.get("type") == "basic":
        return {"type": "http", "scheme": "basic"}
    flow = {key: old[key] for key in ("authorizationUrl", "tokenUrl", "scopes") if key in old}
    kind = str(old.get("flow", "implicit"))
    return {"type": "oauth2", "flows": {_FLOWS.get(kind, kind): flow}}


def _rename(value: Any) -> Any:
    """References to where things stand now; a schema's `discriminator` becomes a mapping."""
    if isinstance(value, dict):
        new = {key: _rename(item) for key, item in value.items()}
        ref = new.get("$ref")
        if isinstance(ref, str):
            for old, now in _MOVED.items():
                if ref.startswith(old):
                    new["$ref"] = now + ref.removeprefix(old)
        if isinstance(new.get("discriminator"), str) and "properties" in new:
            new["discriminator"] = {"propertyName": new["discriminator"]}
        return new
    return [_rename(item) for item in value] if isinstance(value, list) else value
