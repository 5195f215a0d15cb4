"""What changed between two versions of an API: breaking for those who rely on the old one, or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nexus_generators.openapi.build import build
from nexus_generators.openapi.diff import Change, changes, next_version
from nexus_generators.openapi.document import Document, load

from tests.conftest import Run
from tests.sdk.conftest import DOCUMENTS


def api(text: str):
    return build(load(text, "shop.yaml"))


SHOP = """\
openapi: 3.1.0
info: {title: Shop, version: 1.4.2}
servers: [{url: https://shop.example}]
paths:
  /pets/{id}:
    get:
      operationId: getPet
      tags: [pets]
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: limit, in: query, schema: {type: integer, default: 10}}
        - {name: sort, in: query, schema: {type: string, enum: [asc, desc]}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '404': {description: none}
    put:
      operationId: putPet
      tags: [pets]
      security: [{key: []}, {}]
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
      responses: {'204': {description: ok}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  schemas:
    Pet:
      type: object
      required: [id, kind]
      properties:
        id: {type: string, readOnly: true}
        kind: {type: string, enum: [cat, dog]}
        name: {type: string}
        weight: {type: number}
        friends: {type: array, items: {$ref: '#/components/schemas/Pet'}}
        owner: {oneOf: [{$ref: '#/components/schemas/Person'}, {type: string}]}
    Person: {type: object, properties: {mail: {type: [string, 'null']}}}
"""
GET, PUT = "GET /pets/{id}", "PUT /pets/{id}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("get:\n      operationId: getPet", "head:\n      operationId: getPet",
         {("breaking", "operation-removed", GET, ""), ("compatible", "operation-added", "HEAD /pets/{id}", "")}),
        ("getPet", "fetchPet", {("source", "operation-renamed", GET, "")}),
        ("name: limit,", "name: size,",
         {("breaking", "parameter-removed", GET, "query limit"), ("compatible", "parameter-added", GET, "query size")}),
        ("name: limit, in: query,", "name: limit, in: query, required: true,", {("breaking", "required", GET, "query limit")}),
        ("type: integer, default: 10", "type: number, default: 10", {("compatible", "type", GET, "query limit")}),
        ("type: integer, default: 10", "type: string, default: 10", {("breaking", "type", GET, "query limit")}),
        ("default: 10", "default: 20", {("breaking", "default", GET, "query limit")}),
        ("[asc, desc]", "[asc]", {("breaking", "enum", GET, "query sort")}),
        ("[asc, desc]", "[asc, desc, no]", {("compatible", "enum", GET, "query sort")}),
        ("[cat, dog]", "[cat, dog, owl]",
         {("compatible", "enum", GET, "answer 200 Pet.kind"), ("compatible", "enum", PUT, "body Pet.kind")}),
        ("[cat, dog]", "[cat]",
         {("compatible", "enum", GET, "answer 200 Pet.kind"), ("breaking", "enum", PUT, "body Pet.kind")}),
        ("kind: {type: string, enum: [cat, dog]}", "kind: {type: string}",
         {("compatible", "enum", GET, "answer 200 Pet.kind"), ("compatible", "enum", PUT, "body Pet.kind")}),
        ("[id, kind]", "[id, kind, name]",
         {("compatible", "required", GET, "answer 200 Pet.name"), ("breaking", "required", PUT, "body Pet.name")}),
        ("[id, kind]", "[id]",
         {("breaking", "required", GET, "answer 200 Pet.kind"), ("compatible", "required", PUT, "body Pet.kind")}),
        ("        weight: {type: number}\n", "",
         {("breaking", "field-removed", GET, "answer 200 Pet.weight"), ("breaking", "field-removed", PUT, "body Pet.weight")}),
        ("weight: {type: number}", "weight: {type: integer}",
         {("compatible", "type", GET, "answer 200 Pet.weight"), ("breaking", "type", PUT, "body Pet.weight")}),
        ("id: {type: string, readOnly: true}", "id: {type: integer, readOnly: true}",
         {("breaking", "type", GET, "answer 200 Pet.id")}),
        ("mail: {type: [string, 'null']}", "mail: {type: string}",
         {("compatible", "null", GET, "answer 200 Person.mail"), ("breaking", "null", PUT, "body Person.mail")}),
        ("{type: string}]", "{type: string}, {type: integer}]",
         {("breaking", "union", GET, "answer 200 Pet.owner"), ("compatible", "union", PUT, "body Pet.owner")}),
        ("items: {$ref: '#/components/schemas/Pet'}", "items: {type: string}",
         {("breaking", "type", GET, "answer 200 Pet.friends[]"), ("breaking", "type", PUT, "body Pet.friends[]")}),
        ("'404'", "'410'",
         {("compatible", "status-removed", GET, "answer 404"), ("compatible", "status-added", GET, "answer 410")}),
        ("'204'", "'202'", {("breaking", "status-removed", PUT, "answer 204"), ("compatible", "status-added", PUT, "answer 202")}),
        ("{application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}\n      responses: {'204'",
         "{text/plain: {}}}\n      responses: {'204'",
         {("breaking", "media-removed", PUT, "body"), ("compatible", "media-added", PUT, "body")}),
        ("requestBody: {", "requestBody: {required: true, ", {("breaking", "required", PUT, "body")}),
        ("[{key: []}, {}]", "[{key: []}]", {("breaking", "security", PUT, "security")}),
        ("[{key: []}, {}]", "[{}]", {("compatible", "security", PUT, "security")}),
        ("name: X-Key", "name: X-Token", {("breaking", "scheme", "", "security")}),
        ("https://shop.example", "https://shop.example/v2", {("source", "server", "", "servers")}),
        ("operationId: putPet", "operationId: putPet\n      deprecated: true", {("compatible", "deprecated", PUT, "")}),
    ],
)  # fmt: skip
def test_a_change_is_named_and_judged(old: str, new: str, expected: set[tuple[str, ...]]) -> None:
    assert old in SHOP
    found = changes(api(SHOP), api(SHOP.replace(old, new)))
    assert {(c.level, c.code, c.operation, c.place) for c in found} == expected


def test_what_the_wire_does_not_show_is_no_change() -> None:
    renamed = SHOP.replace("schemas/Pet", "schemas/Animal").replace("    Pet:\n", "    Animal:\n")
    renamed = renamed.replace("/pets/{id}", "/pets/{petId}").replace("name: id,", "name: petId,")
    assert renamed.count("Animal") == 4
    assert changes(api(SHOP), api(renamed)) == ()


def test_a_document_is_like_itself(real: Document) -> None:
    assert changes(build(real), build(load(json.dumps(real.data), real.name))) == ()


def change(level: str) -> Change:
    return Change(level, "code", "", "", "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "level", "expected"),
    [
        ("1.4.2", "breaking", "2.0.0"),
        ("1.4.2", "source", "2.0.0"),
        ("1.4.2", "compatible", "1.5.0"),
        ("0.4.2", "breaking", "0.5.0"),
        ("0.4.2", "compatible", "0.4.3"),
        ("v3", "compatible", "3.1.0"),
        ("2026-01-01", "breaking", "2027.0.0"),
    ],
)
def test_the_next_version(version: str, level: str, expected: str) -> None:
    assert next_version(version, [change(level)]) == expected


def test_the_command_ends_with_1_where_callers_break(tmp_path: Path, nexus: Run) -> None:
    (tmp_path / "old.yaml").write_text(SHOP)
    (tmp_path / "new.yaml").write_text(SHOP.replace("[asc, desc]", "[asc]").replace("getPet", "fetchPet"))
    broken = nexus("sdk", "diff", "old.yaml", "new.yaml", cwd=tmp_path)
    assert (broken.returncode, broken.stderr) == (1, "")
    assert "GET /pets/{id}: query sort 'desc' is gone" in broken.stdout
    assert broken.stdout.endswith("1 breaking, 1 source; the next version after 1.4.2 is 2.0.0\n")
    back = nexus("sdk", "diff", "new.yaml", "old.yaml", "--output", "json", cwd=tmp_path)
    assert back.returncode == 0
    assert [one["level"] for one in json.loads(back.stdout)["changes"]] == ["source", "compatible"]
    document = str(DOCUMENTS / "oai-petstore-3.0.yaml")
    assert nexus("sdk", "diff", document, document, cwd=tmp_path).stdout.startswith("no changes")
