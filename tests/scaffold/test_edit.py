"""Edits of nexus.yaml change the one line that they are about."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from nexus_cli.blueprint.edit import add, add_includes
from nexus_cli.blueprint.source import Source
from nexus_cli.errors import UsageError

HEAD = "nexus: v1\nkind:   platform   # odd spaces stay\nname: shop\n"
TAIL = "\n\n# the end\ndefaults: {service: {owner: 'team'}}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("include: [a.yaml]", 'include: [a.yaml, "catalogue:redis"]'),
        ("include: []", 'include: ["catalogue:redis"]'),
        (
            "include: [ 'a.yaml' ,\n  b.yaml,  # b\n]",
            "include: [ 'a.yaml' ,\n  b.yaml, \"catalogue:redis\",  # b\n]",
        ),
        ("include:\n- a.yaml  # a", 'include:\n- a.yaml  # a\n- "catalogue:redis"'),
        (
            'include:\n    - "a.yaml"\n    - b.yaml',
            'include:\n    - "a.yaml"\n    - b.yaml\n    - "catalogue:redis"',
        ),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_one_entry_is_added_and_every_other_byte_stays(before: str, after: str, newline: str) -> None:
    text = (HEAD + before + TAIL).replace("\n", newline)
    assert add_includes(text, ["catalogue:redis"]) == (HEAD + after + TAIL).replace("\n", newline)


@pytest.mark.parametrize("end", ["", "\n"])
def test_at_the_end_of_the_file_and_where_there_is_no_list(end: str) -> None:
    assert add_includes(f"name: x\ninclude:\n  - a.yaml{end}", ["catalogue:redis"]).endswith(
        '  - a.yaml\n  - "catalogue:redis"\n'
    )
    added = add_includes(f"name: x{end}", ["catalogue:redis", "catalogue:nats"])
    assert yaml.safe_load(added)["include"] == ["blueprints/**/*.yaml", "catalogue:redis", "catalogue:nats"]
    assert added.startswith("name: x\ninclude:\n")


def test_what_is_there_is_not_added_again() -> None:
    text = "include: ['catalogue:redis']"
    assert add_includes(text, ["catalogue:redis", "catalogue:redis"]) == text
    assert add_includes("name: x", ["blueprints/**/*.yaml"]) == "name: x"


@pytest.mark.parametrize(
    "text", ["{name: x}", "name: x\n...\n", "all: &all [a.yaml]\ninclude: *all\n", "include:\n  - a\n   b\n"]
)
def test_an_unusual_form_is_edited_rightly_or_refused(text: str) -> None:
    before = yaml.safe_load(text)
    try:
        after = yaml.safe_load(add_includes(text, ["catalogue:redis"]))
    except UsageError as error:
        assert "catalogue:redis" in (error.hint or "")  # noqa: PT017 - either outcome is right
    else:
        present = before.get("include", ["blueprints/**/*.yaml"])
        assert after == {**before, "include": [*present, "catalogue:redis"]}


RESOURCE = {"invoice": {"fields": {"amount": "money", "status": "enum(draft, paid) = draft"}}}
RESOURCE_LINES = '  invoice:\n    fields: {amount: money, status: "enum(draft, paid) = draft"}\n'


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("name: x  # a\n", ["resources"], RESOURCE, f"name: x  # a\nresources:\n{RESOURCE_LINES}"),
        (
            "resources:\n  item:  # ours\n    fields: {a: text}\n\n# the end\nname: x\n",
            ["resources"],
            RESOURCE,
            f"resources:\n  item:  # ours\n    fields: {{a: text}}\n{RESOURCE_LINES}\n# the end\nname: x\n",
        ),
        (
            "resources:\n    x:\n        fields:\n          a: text",
            ["resources"],
            {"b": {"fields": {"c": "int"}}},
            "resources:\n    x:\n        fields:\n          a: text\n    b:\n      fields:\n        c: int\n",
        ),
        (
            "resources: {item: {fields: {a: text}}}\n",
            ["resources"],
            {"b": {"fields": {"c": "int"}}},
            "resources: {item: {fields: {a: text}}, b: {fields: {c: int}}}\n",
        ),
        ("events:\nname: x\n", ["events", "publishes"], ["a.b"], "events: {publishes: [a.b]}\nname: x\n"),
        ("events: {}\n", ["events", "publishes"], ["a.b"], "events: {publishes: [a.b]}\n"),
        (
            "events: {consumes: [c.d]}",
            ["events", "publishes"],
            ["a.b"],
            "events: {consumes: [c.d], publishes: [a.b]}",
        ),
        (
            "events:\n  publishes:\n  - a.b # x\n",
            ["events", "publishes"],
            ["c.d"],
            "events:\n  publishes:\n  - a.b # x\n  - c.d\n",
        ),
        (
            "routes:\n  - {path: /a}\n",
            ["routes"],
            [{"path": "/b", "limit": "100/s"}],
            "routes:\n  - {path: /a}\n  - {path: /b, limit: 100/s}\n",
        ),
        (
            "routes:\n  - path: /a\n    auth: none\n# end\n",
            ["routes"],
            [{"path": "/b", "limit": "100/s"}],
            "routes:\n  - path: /a\n    auth: none\n  - path: /b\n    limit: 100/s\n# end\n",
        ),
        ("uses: [a]\n", ["routes"], [{"path": "/b"}], "uses: [a]\nroutes:\n  - {path: /b}\n"),
        (
            "text: |\n  a\n  b\n",
            ["events", "publishes"],
            ["a.b"],
            "text: |\n  a\n  b\nevents: {publishes: [a.b]}\n",
        ),
    ],
)
def test_an_entry_is_written_as_its_neighbours_are(
    before: str, path: list[str], value: Any, after: str
) -> None:
    assert add(Source("x.yaml", before), path, value) == after


def test_what_cannot_be_edited_rightly_is_refused() -> None:
    aliased = "a: &shared {fields: {b: int}}\nresources: {item: *shared}\n"
    with pytest.raises(UsageError, match=r"cannot add to `resources\.item\.fields` in x\.yaml") as fault:
        add(Source("x.yaml", aliased), ["resources", "item", "fields"], {"c": "null"})
    assert 'add {c: "null"} there' in (fault.value.hint or "")
