"""Every string of a document is hostile: what is generated is clean in all languages, and nothing executes."""

from __future__ import annotations

import ast
import copy
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nexus_generators.openapi.build import build
from nexus_generators.openapi.cases import Cases
from nexus_generators.openapi.document import load
from nexus_generators.sdk.examples import choose
from nexus_generators.sdk.library import Package
from nexus_generators.sdk.python.text import docstring
from nexus_generators.writer import compare

from nexus_cli.engine import tools
from nexus_cli.errors import UsageError
from nexus_cli.scaffold.tidy import ruff
from nexus_cli.sdk import go, typescript
from nexus_cli.sdk.files import lay
from nexus_cli.sdk.generate import LANGUAGES
from nexus_cli.sdk.schemas import Schemas

PAYLOADS = [
    '"""\nimport pathlib; pathlib.Path("EXECUTED").touch()\n"""',
    '"); __import__("pathlib").Path("EXECUTED").touch(); ("',
    "'); __import__('pathlib').Path('EXECUTED').touch(); ('",
    "\\",
    'x"""',
    '\\"',
    '""\\""""',
    'ends with a quote "',
    "\n\nimport pathlib\npathlib.Path('EXECUTED').touch()\n",
    '*/ import fs from "node:fs"; fs.writeFileSync("EXECUTED", ""); /*',
    "`${require('fs').writeFileSync('EXECUTED', '')}`",
    '\n}\nfunc init() { panic("EXECUTED") }\n//',
    "//go:build ignore\n//go:generate touch EXECUTED",
    "{{ 7 * 7 }}{% raw %}#{7}%s{0}<script>alert(1)</script>",
    "\u202egnidaer thgir\u2066\u2028\u2029\u0000\u0085\ufeff\r\x1b[31m",
    "../../../../etc/passwd",
    "x" * 10_000,
    "class",
    "None",
    "constructor",
    "__proto__",
    "hasOwnProperty",
    "toString",
    "func",
    "",
    " ",
    "-",
    "123",
    "ünïcödé 名前 🙂",
    "~1/~0%2F#?{}",
]
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]")


def document(text: str) -> dict[str, Any]:
    """A document with the text in every place that takes one."""
    name = text or "empty"
    described = {"description": text, "title": text}
    pointer = name.replace("~", "~0").replace("/", "~1").replace("%", "%25")
    schema = {"$ref": f"#/components/schemas/{pointer}"}
    properties = {
        text: {"type": "string", **described, "default": text, "example": text, "format": text},
        f"{text}2": {"enum": [text, f"{text}!", "a"], "default": text},
        f"{text}3": {"const": text},
        f"{text}4": {"type": "array", "items": schema},
        f"{text}5": {"type": "object", "properties": {text: {"type": "integer", **described}}, **described},
        f"{text}6": {
            "oneOf": [schema, {"type": "string"}],
            "discriminator": {"propertyName": text, "mapping": {text: text}},
        },
        f"{text}7": {"type": "string", "pattern": re.escape(text)},
        f"{text}8": {"type": "object", "additionalProperties": {"enum": [text, "b"]}, "deprecated": True},
    }
    extra = {"additionalProperties": {"type": "string", **described}, "example": {text: text}}
    record = {"type": "object", **described, "required": [text], "properties": properties, **extra}
    operation = {
        "operationId": text,
        "summary": text,
        "description": text,
        "tags": [text or "tag"],
        "security": [{text: [text]}],
        "servers": [{"url": f"https://example.com/{text}"}],
        "parameters": [
            {
                "name": name,
                "in": where,
                "required": where == "path",
                "description": text,
                "schema": {"type": "string", "enum": [text, "a"], "default": text},
            }
            for where in ("path", "query", "header", "cookie")
        ],
        "requestBody": {
            "description": text,
            "content": {
                "application/json": {"schema": schema},
                f"text/{name}": {"schema": {"type": "string"}},
                "multipart/form-data": {"schema": schema, "encoding": {text: {"contentType": text}}},
            },
        },
        "responses": {
            "200": {"description": text, "content": {"application/json": {"schema": schema}}},
            "404": {"description": text, "content": {f"application/{name}+json": {"schema": schema}}},
        },
        "x-nexus-paging": {"style": "cursor", "parameter": text, "next": text, "items": text},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": text, "version": text, "description": text, "license": {"name": text}},
        "servers": [{"url": f"https://{{{name}}}.example.com/{text}", "variables": {name: {"default": text}}}],
        "tags": [{"name": text, "description": text}],
        "security": [{text: []}],
        "paths": {
            f"/{name.replace('{', '').replace('}', '')}/{{{name}}}": {"get": operation, "post": {**operation, "operationId": f"{text}2"}},
            "/plain": {"get": {"responses": {"200": {"description": text}}}},
            "/streams": {"post": streams(text, schema)},
        },
        "webhooks": {text: {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}, "responses": {}}}},
        "components": {
            "schemas": {name: record, name.upper(): copy.deepcopy(record), name.swapcase() + "_": {"enum": [1, 2]}},
            "securitySchemes": {
                text: {"type": "oauth2", "description": text, "flows": {"clientCredentials": {"tokenUrl": text, "scopes": {text: text}}}},
                f"{text}2": {"type": "apiKey", "name": text, "in": "header", "description": text},
                f"{text}3": {"type": "apiKey", "name": text, "in": "cookie"},
                f"{text}4": {"type": "http", "scheme": "basic", "description": text},
                f"{text}5": {"type": "openIdConnect", "openIdConnectUrl": text},
            },
        },
    }  # fmt: skip


def streams(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """An operation with the other kinds of parameters, bodies and answers."""
    parts = {text: {"type": "string", "format": "binary"}, f"{text}2": {"type": "array", "items": schema}}
    whole = {"type": "object", "properties": {text: {"type": "string", "default": text}}}
    return {
        "externalDocs": {"url": text, "description": text},
        "parameters": [
            {"name": f"{text}a", "in": "query", "style": "deepObject", "explode": True, "schema": whole},
            {"name": f"{text}b", "in": "query", "content": {"application/json": {"schema": whole, "example": text}}},
            {"name": f"{text}c", "in": "query", "schema": {"type": "array", "items": {"enum": [text, "c"]}}, "deprecated": True},
        ],
        "requestBody": {
            "content": {
                "multipart/form-data": {"schema": {"type": "object", "properties": parts}},
                "application/x-www-form-urlencoded": {"schema": whole},
                "application/x-ndjson": {"itemSchema": schema},
            }
        },
        "responses": {
            "200": {
                "description": text,
                "headers": {text: {"description": text, "schema": {"type": "string"}}},
                "links": {text: {"operationId": text, "description": text}},
                "content": {"text/event-stream": {"schema": schema}, "application/json": {"schema": schema}},
            },
            "default": {"description": text, "content": {"text/plain": {"schema": {"type": "string"}}}},
        },
        "callbacks": {text: {text: {"post": {"description": text, "responses": {}}}}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Clients in all languages for every payload, each in a folder of its own."""
    root = tmp_path_factory.mktemp("hostile")
    folders: dict[str, list[Path]] = {name: [] for name in LANGUAGES}
    for number, text in enumerate(PAYLOADS):
        loaded = load(json.dumps(document(text)), "hostile.json")
        api, schemas = build(loaded), Schemas(loaded)
        examples = choose(api, Cases(loaded, api, schemas.valid, schemas.faults).of)
        named = Package.of(api)
        assert re.fullmatch(r"[a-z_][a-z0-9_]*", named.module)
        assert re.fullmatch(r"[\w.@/-]+", f"{named.name}{named.go_module}")
        assert examples  # so that READMEs and the clients' own tests have hostile texts, too
        for name, language in LANGUAGES.items():
            path = f"example.com/hostile/client{number}"
            made = language.emit(api, Package(f"client{number}", f"client{number}", "1.0.0", path), examples)
            assert len(made.calls) == len(api.operations) == 4
            folder = root / name / f"client{number}"
            assert not [c for c in compare(made.files, root) if c.status != "created"]  # paths stay inside
            lay(made.files, folder)
            folders[name].append(folder)
    return folders


def test_python_is_clean_and_executes_nothing(written: dict[str, list[Path]]) -> None:
    folders = written["python"]
    lines = ["import pydantic"]
    for number, folder in enumerate(folders):
        lines += [f"import sys; sys.path.insert(0, {str(folder / 'src')!r})", f"import client{number} as m"]
        lines += [
            "for x in vars(m.models).values():",
            "    isinstance(x, type) and issubclass(x, pydantic.BaseModel) and x.model_rebuild()",
        ]
    root = folders[0].parent
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(lines)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not list(root.rglob("EXECUTED"))


def test_python_passes_its_linter(written: dict[str, list[Path]]) -> None:
    check = [ruff(), "check", "--no-cache", "--isolated", "--select", "E9,F63,F7,F82,PLE"]
    done = subprocess.run(
        [*check, str(written["python"][0].parent)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_typescript_compiles(written: dict[str, list[Path]]) -> None:
    root = written["typescript"][0].parent
    settings = json.loads((written["typescript"][0] / "tsconfig.json").read_text())
    settings["compilerOptions"] |= {"noEmit": True, "rootDir": "."}
    settings["compilerOptions"] |= {"allowJs": True}
    settings["include"] = ["client*/src", "client*/tests"]
    (root / "tsconfig.json").write_text(json.dumps(settings))
    compiler = typescript.environment(print) / "node_modules" / "typescript" / "bin" / "tsc"
    node = tools.programs(tools.TOOLCHAINS["node"]) / "node"
    done = subprocess.run([node, compiler, "-p", "."], cwd=root, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-2000:]


def test_go_passes_vet(written: dict[str, list[Path]]) -> None:
    root = written["go"][0].parent
    for folder in written["go"]:
        (folder / "go.mod").unlink()
    (root / "go.mod").write_text("module example.com/hostile\n\ngo 1.24\n")
    command = [go.programs(print) / "go", "vet", "./..."]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=280, env=go._environment()
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_nothing_hides_in_what_is_written(written: dict[str, list[Path]]) -> None:
    for folders in written.values():
        for folder in folders:
            for path in folder.rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    assert not BIDI.search(path.read_text(encoding="utf-8")), path
                    assert path.resolve().is_relative_to(folder.resolve())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "broken.yaml:1: not JSON"),
        ("openapi: 3.1.0\npaths: [\n", "broken.yaml:3:1: not YAML"),
        ("- a\n- b\n", "an OpenAPI document is a mapping"),
        ("openapi: 4.0.0\n", "broken.yaml:1: OpenAPI 4.0.0 is not supported"),
        ("title: x\n", "says nowhere which OpenAPI it is"),
        ("openapi: 3.1.0\npaths: 5\n", "broken.yaml:2: paths must be a mapping"),
        ("openapi: 3.1.0\npaths:\n  /a:\n    get: 5\n", "broken.yaml:4: the operation get is no mapping"),
        ("openapi: 3.1.0\npaths:\n  /a:\n    get:\n      parameters:\n      - {in: query}\n", "broken.yaml:6: a parameter has no name"),
        ("openapi: 3.1.0\npaths:\n  /a:\n    get:\n      parameters:\n      - $ref: '#/no'\n", "'#/no' leads nowhere"),
        ("a: &a [*a]\nopenapi: 3.1.0\n", "nested deeper than"),
        ("[" * 5000, "broken.yaml"),
        ('{"a":' * 50_000, "nested deeper than"),
        ("openapi: 3.1.0\nx: " + "[" * 500 + "]" * 500 + "\n", "nested deeper than"),
    ],
)  # fmt: skip
def test_broken_documents_say_what_and_where(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(text, "broken.yaml")
    assert said in caught.value.message


def test_anchors_that_repeat_themselves_are_refused() -> None:
    lines = ["openapi: 3.1.0", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(UsageError, match="more than"):
        load("\n".join(lines), "bomb.yaml")


def test_no_text_ends_the_docstring_that_it_stands_in() -> None:
    dice = random.Random(7)
    pieces = ['"', '"""', "\\", "\n", "a", " ", "\t", "x" * 60]
    for _ in range(5_000):
        text = "".join(dice.choice(pieces) for _ in range(dice.randint(1, 9)))
        written = ["class Held:", *docstring(text, "    "), "    pass", ""]
        (held,) = ast.parse("\n".join(written)).body
        assert isinstance(held, ast.ClassDef)
        assert len(held.body) <= 2
