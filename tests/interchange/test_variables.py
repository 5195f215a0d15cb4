"""Interpolation and env files."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus_cli.interchange.located import ComposeFault
from nexus_cli.interchange.variables import BadTemplate, env_file, interpolate

VALUES = {"A": "one", "EMPTY": "", "B": "two"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A/${A}", "one/one"),
        ("${A:-x}${NONE:-x}${EMPTY:-x}", "onexx"),
        ("${A-x}${NONE-x}${EMPTY-x}", "onex"),
        ("${A:+x}${NONE:+x}${EMPTY:+x}", "x"),
        ("${A+x}${NONE+x}${EMPTY+x}", "xx"),
        ("${NONE:-${ALSO:-$B}}", "two"),
        ("${NONE:-a}b}", "ab}"),
        ("$$A $${A} $$$A", "$A ${A} $one"),
        ("${PORT-:8080:80}", ":8080:80"),
        ("${A:?must}", "one"),
        ("${EMPTY?must}", ""),
    ],
)
def test_interpolation(text: str, expected: str) -> None:
    assert interpolate(text, VALUES, lambda _: None) == expected


def test_a_variable_without_a_value_is_told() -> None:
    told: list[str] = []
    assert interpolate("<$NONE>", VALUES, told.append) == "<>"
    assert told == ["NONE"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${EMPTY:?set ${A}}", "EMPTY must have a value: set one"),
        ("${NONE?}", "NONE must have a value"),
        ("${A", "a brace is not closed"),
        ("cost: 5$", "invalid interpolation format"),
        ("${1}", "invalid interpolation format"),
        ("${A!x}", "invalid interpolation format"),
    ],
)
def test_what_cannot_be_interpolated(text: str, said: str) -> None:
    with pytest.raises(BadTemplate, match=said):
        interpolate(text, VALUES, lambda _: None)


def test_an_env_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "\ufeff# a comment\n\nPLAIN=some text  # and why\nexport EXPORTED=1\nHASH=a#b\nEMPTY=\nNAMED\n"
        "SINGLE='$OUTER # kept'\nDOUBLE=\"two\\nlines $OUTER \\$kept\"\n"
        'LONG="first\nsecond"\nBUILT=${PLAIN}/${OUTER:-x}\nYAML: style\n'
    )
    assert env_file(path, ".env", {"OUTER": "o"}) == {
        "PLAIN": "some text",
        "EXPORTED": "1",
        "HASH": "a#b",
        "EMPTY": "",
        "NAMED": None,
        "SINGLE": "$OUTER # kept",
        "DOUBLE": "two\nlines o $kept",
        "LONG": "first\nsecond",
        "BUILT": "some text/o",
        "YAML": "style",
    }


def test_a_raw_env_file_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "raw.env"
    path.write_text("A='$B' # not a comment\n")
    assert env_file(path, "raw.env", {}, raw=True) == {"A": "'$B' # not a comment"}


def test_a_fault_in_an_env_file_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("GOOD=1\n\nnot a variable\n")
    with pytest.raises(ComposeFault) as caught:
        env_file(path, ".env", {})
    assert str(caught.value.findings[0].where).startswith(".env:3:")
