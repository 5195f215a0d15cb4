"""Built-in templates that use more than the plain part of Copier, or are wrong, are refused loudly."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus_cli.errors import NexusError, UsageError
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import TemplateFault, choose, names, read


def template(root: Path, config: str, **files: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "copier.yml").write_text(config)
    for name, content in files.items():
        (root / f"{name}.jinja").write_text(content)
    return root


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("_tasks: [touch x]", "_tasks"),
        ("_jinja_extensions: [jinja2.ext.do]", "_jinja_extensions"),
        ("_migrations: []", "_migrations"),
        ("_external_data: {x: y}", "_external_data"),
        ("_answers_file: other.yml", "answers file"),
        ("x: {type: path, default: a}", "unknown type"),
        ("x: {type: str, default: a, secret: true}", "secret"),
        ("x: {type: str, choices: '{{ a }}'}", "choices"),
        ("x: !include other.yml", "cannot read copier.yml"),
        ("- a", "not a mapping"),
        ("a: [", "cannot read copier.yml"),
    ],
)
def test_what_is_beyond_the_plain_part_is_refused(tmp_path: Path, config: str, message: str) -> None:
    with pytest.raises(TemplateFault, match=message):
        read(template(tmp_path / "t", config), "test/t")


@pytest.mark.parametrize(
    "content", ["{{ x|no_such_filter }}", "{% yield a from b %}{% endyield %}", "{{ x", "{% if %}"]
)
def test_a_fault_names_template_file_and_line(tmp_path: Path, content: str) -> None:
    root = template(tmp_path / "t", "x: 1", file=f"\n{content}")
    with pytest.raises(TemplateFault, match=r"template test/t: file\.jinja:2: "):
        builtin.render(read(root, "test/t"), {}, folder="x")


def test_an_undefined_variable_is_a_fault_where_the_template_says_so(tmp_path: Path) -> None:
    root = template(tmp_path / "t", "_envops: {undefined: jinja2.StrictUndefined}", file="{{ no_such }}")
    with pytest.raises(TemplateFault, match="'no_such' is undefined"):
        builtin.render(read(root, "test/t"), {}, folder="x")


def test_the_sandbox_holds(tmp_path: Path) -> None:
    root = template(tmp_path / "t", "x: 1", file="{{ x.__class__.__mro__ }}")
    with pytest.raises(TemplateFault, match="unsafe"):
        builtin.render(read(root, "test/t"), {}, folder="x")


def test_symbolic_links_in_a_template_are_refused(tmp_path: Path) -> None:
    root = template(tmp_path / "t", "x: 1")
    (root / "link").symlink_to("/etc/passwd")
    with pytest.raises(TemplateFault, match="symbolic link"):
        builtin.render(read(root, "test/t"), {}, folder="x")


@pytest.mark.parametrize(
    ("config", "data", "message"),
    [
        ("size: {type: int}", {"size": "many"}, "not of type int"),
        ("size: {type: str, choices: [a, b]}", {"size": "c"}, "not one of the choices"),
        ("size: {type: str, validator: '{% if size %}too long{% endif %}'}", {"size": "c"}, "size: too long"),
        ("size: {type: str}", {}, 'needs "size"'),
        ("size: {type: json}", {"size": "{"}, "not of type json"),
        ("size: {type: yaml}", {"size": "["}, "not of type yaml"),
        ("size: {type: str}", {"size": None}, "not of type str"),
    ],
)
def test_wrong_answers_are_the_persons_fault(
    tmp_path: Path, config: str, data: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        builtin.render(read(template(tmp_path / "t", config), "test/t"), data, folder="x")


def test_an_unknown_type_lists_what_there_is() -> None:
    assert "fastapi" in names("service")
    with pytest.raises(NexusError, match='unknown service type "fastpi"') as fault:
        choose("service", "fastpi")
    assert 'did you mean "fastapi"?' in (fault.value.hint or "")
