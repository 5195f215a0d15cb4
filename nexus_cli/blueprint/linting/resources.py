"""The domain models: references between resources, their states, the names of their fields."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping

from nexus_cli.blueprint import graph
from nexus_cli.blueprint.linting.rule import Fault, Rule, provided
from nexus_cli.blueprint.load import did_you_mean
from nexus_cli.blueprint.model import Component, Platform
from nexus_cli.blueprint.types import SERVICE_TYPES

_OF_EVERY_TABLE = ("id", "created_at", "updated_at", "row_version", "tenant_id")
_OF_SQLALCHEMY = ("metadata", "registry", "sa")  # the last is its name in a service's models
_OF_PYDANTIC = (
    *("construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema"),
    *("schema_json", "update_forward_refs", "validate", "model_computed_fields", "model_config"),
    *("model_construct", "model_copy", "model_dump", "model_dump_json", "model_extra", "model_fields"),
    *("model_fields_set", "model_json_schema", "model_parametrized_name", "model_post_init"),
    *("model_rebuild", "model_validate", "model_validate_json", "model_validate_strings"),
)
OWN_FIELDS = frozenset({*_OF_EVERY_TABLE, *_OF_SQLALCHEMY})
PYTHONS_FIELDS = frozenset(_OF_PYDANTIC)
OWN_RESOURCES = frozenset({"any", "base", "decimal", "mapped", "str-enum", "true", "false", "none"})
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")


def _resource_without_database(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        if service.resources and "DATABASE_URL" not in provided(platform, service):
            yield "service", service.name, ["resources"], "has resources but uses no database", None


def _ref_unknown(platform: Platform) -> Iterator[Fault]:
    known = {name for service in platform.services.values() for name in service.resources}
    for service in platform.services.values():
        for name, resource in service.resources.items():
            for key, field in resource.fields.items():
                if field.target is not None and field.target not in known:
                    path = ["resources", name, "fields", key]
                    hint = did_you_mean(field.target, known)
                    yield "service", service.name, path, f'ref to unknown resource "{field.target}"', hint


def _ref_circular(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        edges = {
            name: [f.target for f in resource.fields.values() if f.target is not None and f.target != name]
            for name, resource in service.resources.items()
        }
        for cycle in graph.cycles(edges):
            told = " -> ".join([*cycle, cycle[0]])
            yield "service", service.name, ["resources", cycle[0]], f"circular references: {told}", None


def _ref_to_tenant(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for name, resource in service.resources.items():
            for key, field in resource.fields.items():
                shared = not service.of_tenants(name) and field.target in service.resources
                if shared and field.target is not None and service.of_tenants(field.target):
                    path = ["resources", name, "fields", key]
                    yield (
                        "service",
                        service.name,
                        path,
                        f'"{field.target}" belongs to tenants, "{name}" to all',
                        None,
                    )


def _state_unknown(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        for name, resource in service.resources.items():
            states = next((field.values for field in resource.fields.values() if field.type == "enum"), ())
            for state, after in resource.states.items():
                for other in dict.fromkeys((state, *after)):
                    if other not in states:
                        path = ["resources", name, "states", state]
                        hint = did_you_mean(other, states)
                        yield "service", service.name, path, f'unknown state "{other}"', hint


def _field_name(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        kind = SERVICE_TYPES.get(service.type)
        own = OWN_FIELDS | PYTHONS_FIELDS if kind and kind.language == "python" else OWN_FIELDS
        for name, resource in service.resources.items():
            for key in resource.fields:
                path = ["resources", name, "fields", key]
                if key in own or keyword.iskeyword(key):
                    yield "service", service.name, path, f'"{key}" has a meaning of its own', None
                elif not _FIELD_NAME.fullmatch(key):
                    yield (
                        "service",
                        service.name,
                        path,
                        f'"{key}" is not a lower_case name of at most 30',
                        None,
                    )


def _resource_name(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        classes: dict[str, str] = {}
        for name, resource in service.resources.items():
            path = ["resources", name]
            if name.replace("_", "-") in OWN_RESOURCES:
                yield "service", service.name, path, f'"{name}" has a meaning of its own', None
            enums = [key for key, field in resource.fields.items() if field.type == "enum"]
            for key, what in [(name, name), *((f"{name}-{key}", f"{name}.{key}") for key in enums)]:
                called = "".join(part.capitalize() for part in key.replace("_", "-").split("-"))
                if called in classes:
                    said = f"{what} and {classes[called]} would be called alike in code"
                    yield "service", service.name, path, said, None
                classes.setdefault(called, what)


def _models_elsewhere(platform: Platform) -> Iterator[Fault]:
    for service in platform.services.values():
        kind = SERVICE_TYPES.get(service.type)
        if kind is None or kind.models:
            continue
        said = f"a {service.type} service keeps nothing of its own"
        for key, value in {
            "resources": service.resources,
            "events": service.events.publishes or service.events.consumes,
        }.items():
            if value:
                yield "service", service.name, [key], said, None
        for index, use in enumerate(service.uses):
            target = platform.resolve(use.service)
            if isinstance(target, Component) and target.provides:
                yield "service", service.name, ["uses", index], said, None


RULES: Mapping[str, Rule] = {
    "resource-without-database": Rule(
        "error", "resources are tables of a database", "add postgres to uses", _resource_without_database
    ),
    "ref-unknown": Rule(
        "error",
        "a reference must point at a resource of this platform",
        "describe the resource, or use uuid",
        _ref_unknown,
    ),
    "ref-circular": Rule(
        "error",
        "a row must be storable before what refers to it",
        "leave one of the references out, or make it a uuid",
        _ref_circular,
    ),
    "ref-to-tenant": Rule(
        "error",
        "what everybody sees must not lead to what only a tenant may see",
        "give both to tenants (`tenant: true`), or make the field a uuid",
        _ref_to_tenant,
    ),
    "state-unknown": Rule(
        "error",
        "states are the values of the resource's first enum",
        "name one of them, or add it to the enum",
        _state_unknown,
    ),
    "field-name": Rule(
        "error",
        "a field becomes a column and an attribute in every language",
        "choose another name, such as order_id for id",
        _field_name,
    ),
    "resource-name": Rule(
        "error",
        "a resource and each of its enums become a class of code",
        "choose another name, such as price-base for base",
        _resource_name,
    ),
    "models-elsewhere": Rule(
        "error",
        "a web application shows what services keep",
        "describe it in a service, and name that service in `uses`",
        _models_elsewhere,
    ),
}
