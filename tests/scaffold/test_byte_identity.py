"""Every built-in template means the same to nexus and to Copier, byte for byte.

What is compared is what the templates say; what nexus writes of it has its Python formatted besides.
"""

from __future__ import annotations

import stat
import warnings
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml

from nexus_cli.resources import bundled
from nexus_cli.scaffold import builtin
from nexus_cli.scaffold.template import ANSWERS, Template, read

HOSTILE = 'It\'s "quoted" {{ 7 * 7 }} {% raw %} # : & * ! | > % @ ` ü 漢字 🚀 \\n $HOME ${x}'


def field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    rest = {"optional": False, "unique": False, "default": None, "values": [], "target": None}
    return {"name": name, "type": kind, **rest, **more}


ITEM = {
    "name": "item",
    "plural": "items",
    "fields": [field("name", "string"), field("note", "text", optional=True)],
    "operations": ["list", "get", "create", "update", "delete"],
    "states": {},
    "events": {"created": None, "updated": None, "deleted": None},
}
INVOICE = {
    "name": "invoice",
    "plural": "invoices",
    "fields": [
        field("number", "string", unique=True),
        field("amount", "money"),
        field("status", "enum", values=["draft", "open", "paid"], default="draft"),
        field("due", "date", optional=True),
        field("item", "ref", target="item"),
    ],
    "operations": ["list", "get", "create"],
    "states": {"draft": ["open"], "open": ["paid"]},
    "events": {"created": "invoice.created", "updated": None, "deleted": None},
}
EMPTY: dict[str, Any] = {
    "connections": [],
    "calls": [],
    "resources": [],
    "publishes": [],
    "consumes": [],
    "secrets": [],
}
BARE = {"name": "bare", "title": "Bare", "platform": "shop", "port": 3001, **EMPTY}
FULL = {
    "name": "payment-two",
    "title": "Payment",
    "description": "Takes payments.",
    "owner": "team-billing",
    "platform": "shop",
    "port": 3008,
    "connections": ["DATABASE_URL", "NATS_URL", "REDIS_URL"],
    "calls": ["notification"],
    "resources": [ITEM, INVOICE],
    "publishes": ["invoice.created"],
    "consumes": ["order.created"],
    "secrets": ["STRIPE_API_KEY"],
    "packages": [
        {"name": "exact-money", "scope": "acme", "path": "../../packages/exact-money"},
        {"name": "dates", "scope": "", "path": "../../packages/dates"},
    ],
}
HOSTILE_TEXT = {**FULL, "title": HOSTILE, "description": HOSTILE, "owner": HOSTILE}
DATA: dict[str, list[dict[str, Any]]] = {
    "service": [BARE, FULL, HOSTILE_TEXT, {**FULL, "connections": ["DATABASE_URL"], "calls": []}],
    "package": [
        {"name": "my-lib"},
        {"name": "my-lib", "scope": "nexus", "title": HOSTILE, "description": HOSTILE, "platform": "shop"},
    ],
    "workspace": [
        {"name": "shop"},
        {
            "name": "shop",
            "title": HOSTILE,
            "owner": HOSTILE,
            "registry": "registry.example/acme",
            "license": "MIT",
        },
        {"name": "shop", "license": "Apache-2.0"},
    ],
}


def templates() -> list[str]:
    root = bundled("templates")
    return sorted(path.parent.relative_to(root).as_posix() for path in root.rglob("copier.yml"))


CASES = [(name, number) for name in templates() for number in range(len(DATA[name.split("/")[0]]))]


def written_by_copier(template: Path, data: dict[str, Any], folder: Path) -> dict[str, tuple[bytes, bool]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copier.run_copy(
            str(template),
            folder,
            dict(data),
            defaults=True,
            quiet=True,
            settings=copier.Settings(),
            overwrite=True,
        )
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_same(template: Template, data: dict[str, Any], folder: Path) -> None:
    expected = written_by_copier(template.root, data, folder)
    files = builtin.render(template, data, folder=folder.name)
    rendered = {path: (file.content, file.executable) for path, file in files.items()}
    ours, theirs = rendered.pop(ANSWERS), expected.pop(ANSWERS, None)
    assert rendered == expected
    if theirs is not None:
        recorded, copiers = yaml.safe_load(ours[0]), yaml.safe_load(theirs[0])
        assert recorded.pop("_src_path") == f"nexus:{template.name}"
        assert recorded.pop("_commit")
        assert copiers.pop("_src_path") == str(template.root)
        assert recorded == copiers


def test_every_template_is_found() -> None:
    assert {"package/library/python", "package/react/typescript", "workspace", "service/fastapi"} <= set(
        templates()
    )


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_template_is_rendered_as_copier_does(name: str, number: int, tmp_path: Path) -> None:
    template = read(bundled("templates") / name, name)
    assert_same(template, DATA[name.split("/", maxsplit=1)[0]][number], tmp_path / "order")


COPIER_YML = """
_exclude: ["copier.yml", "*.secret", "{% if not extra %}extra{% endif %}"]
_skip_if_exists: ["{{ kept }}/**"]
_envops: {trim_blocks: true, lstrip_blocks: true}
name: {type: str, validator: "{% if name == 'x' %}no{% endif %}"}
extra: false
kept: {type: str, when: false, default: "keep-{{ name }}"}
size: {type: int, choices: [1, 2, 3], default: "{{ 1 + 1 }}"}
ratio: 1.5
many: {type: yaml, default: "[a, {b: c}]"}
data: {type: json, default: '{"k": [1, null]}'}
maybe: {type: bool, default: "{{ name == 'order' }}"}
never: {type: str, when: "{{ not maybe }}", default: hidden}
"""


def test_every_feature_of_the_subset_is_as_copiers(tmp_path: Path) -> None:
    root = tmp_path / "template"
    contents = {
        "copier.yml": COPIER_YML,
        "plain.txt": "{{ not rendered }}\r\n",
        "crlf.txt.jinja": "a {{ name }}\r\nb\r\n",
        "shadowed.txt": "hidden by its sibling",
        "shadowed.txt.jinja": "{{ name|upper }}",
        "values.txt.jinja": "{{ size }} {{ ratio }} {{ many }} {{ data }} {{ maybe }} {{ never }}{{ no }}\n",
        "filters.txt.jinja": "{{ data|tojson }}{{ data|to_nice_json }}{{ many|to_nice_yaml }}",
        "json.txt.jinja": "{{ [name, 'ü🚀', none]|to_json(ensure_ascii=false) }}{{ many|to_json }}",
        "include.txt.jinja": "{% include 'plain.txt' %}{% import 'macros.secret' as m %}{{ m.hi(name) }}",
        "macros.secret": "{% macro hi(x) %}hi {{ x }}{% endmacro %}",
        "blocks.txt.jinja": "{% for n in many %}\n {% if n is string %}\n{{ n }}\n {% endif %}\n{% endfor %}",
        "{% if maybe %}yes{% endif %}/{{ name }}.jinja": "{{ _folder_name }}{{ _copier_conf.answers_file }}",
        "{% if not maybe %}no{% endif %}/x.txt": "never",
        "{{ kept }}/mine.py": "x = 1\n",
        "extra/x.txt": "excluded",
        "run.sh.jinja": "#!/bin/sh\necho {{ name }}\n",
        "__pycache__/x.pyc": "own exclusions replace the usual ones",
    }
    for path, content in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode())
    (root / "image.png").write_bytes(bytes(range(256)))
    (root / "run.sh.jinja").chmod(0o755)
    template = read(root, "test/all")
    for number, data in enumerate(
        [{"name": "order"}, {"name": "pay", "extra": "yes", "size": "3", "many": "{a: 1}", "never": "said"}]
    ):
        assert_same(template, data, tmp_path / f"out{number}")
    files = builtin.render(template, {"name": "order"}, folder="order")
    assert [path for path, file in files.items() if file.seed] == ["keep-order/mine.py"]


def test_answers_are_values_and_never_templates(tmp_path: Path) -> None:
    root = tmp_path / "template"
    root.mkdir()
    (root / "copier.yml").write_text('name: {type: str}\ntitle: {type: str, default: "{{ name }}!"}\n')
    (root / "x.jinja").write_text("{{ name }}|{{ title }}")
    files = builtin.render(read(root, "test/values"), {"name": "{{ 7 * 7 }}"}, folder="x")
    assert files["x"].content == b"{{ 7 * 7 }}|{{ 7 * 7 }}!"
    assert yaml.safe_load(files[ANSWERS].content)["title"] == "{{ 7 * 7 }}!"
