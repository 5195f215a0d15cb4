"""The little language of resource fields."""

from __future__ import annotations

import pytest

from nexus_cli.blueprint.fields import FieldType, parse_field


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("string", FieldType("string")),
        ("string unique", FieldType("string", unique=True)),
        ("text optional", FieldType("text", optional=True)),
        ("int = 0", FieldType("int", default="0")),
        ("enum(draft, paid) = draft", FieldType("enum", values=("draft", "paid"), default="draft")),
        ("ref(customer) optional", FieldType("ref", target="customer", optional=True)),
    ],
)
def test_a_field_is_read(text: str, expected: FieldType) -> None:
    assert parse_field(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strng", "unknown field type 'strng'"),
        ("string big", "unknown word 'big'"),
        ("enum()", "needs its values"),
        ("enum(a, a)", "must differ"),
        ("enum(a) = b", "not one of the enum's values"),
        ("ref(a, b)", "needs one resource"),
        ("int(3)", "takes no arguments"),
        ("enum(A'; drop)", "not a lower-case word"),
        ("", "expected a field"),
        (3, "expected a field"),
    ],
)
def test_a_wrong_field_says_why(text: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_field(text)
