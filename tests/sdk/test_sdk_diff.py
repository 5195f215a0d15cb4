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
    ("old", "new", "expected", "back"),
    [
        ("get:\n      operationId: getPet", "head:\n      operationId: getPet",
         {("breaking", "operation-removed", GET, ""), ("compatible", "operation-added", "HEAD /pets/{id}", "")},
         "breaking operation-removed; compatible operation-added"),
        ("getPet", "fetchPet", {("source", "operation-renamed", GET, "")},
         "source operation-renamed"),
        ("name: limit,", "name: size,",
         {("breaking", "parameter-removed", GET, "query limit"), ("compatible", "parameter-added", GET, "query size")},
         "breaking parameter-removed query size; compatible parameter-added query limit"),
        ("name: limit, in: query,", "name: limit, in: query, required: true,", {("breaking", "required", GET, "query limit")},
         "compatible required query limit"),
        ("type: integer, default: 10", "type: number, default: 10", {("compatible", "type", GET, "query limit")},
         "breaking type query limit"),
        ("type: integer, default: 10", "type: string, default: 10", {("breaking", "type", GET, "query limit")},
         "breaking type query limit"),
        ("default: 10", "default: 20", {("breaking", "default", GET, "query limit")},
         "breaking default query limit"),
        ("[asc, desc]", "[asc]", {("breaking", "enum", GET, "query sort")},
         "compatible enum query sort"),
        ("[asc, desc]", "[asc, desc, no]", {("compatible", "enum", GET, "query sort")},
         "breaking enum query sort"),
        ("[cat, dog]", "[cat, dog, owl]",
         {("compatible", "enum", GET, "answer 200 Pet.kind"), ("compatible", "enum", PUT, "body Pet.kind")},
         "breaking enum body Pet.kind; compatible enum answer 200 Pet.kind"),
        ("[cat, dog]", "[cat]",
         {("compatible", "enum", GET, "answer 200 Pet.kind"), ("breaking", "enum", PUT, "body Pet.kind")},
         "compatible enum answer 200 Pet.kind; compatible enum body Pet.kind"),
        ("kind: {type: string, enum: [cat, dog]}", "kind: {type: string}",
         {("compatible", "enum", GET, "answer 200 Pet.kind"), ("compatible", "enum", PUT, "body Pet.kind")},
         "breaking enum body Pet.kind; compatible enum answer 200 Pet.kind"),
        ("[id, kind]", "[id, kind, name]",
         {("compatible", "required", GET, "answer 200 Pet.name"), ("breaking", "required", PUT, "body Pet.name")},
         "breaking required answer 200 Pet.name; compatible required body Pet.name"),
        ("[id, kind]", "[id]",
         {("breaking", "required", GET, "answer 200 Pet.kind"), ("compatible", "required", PUT, "body Pet.kind")},
         "breaking required body Pet.kind; compatible required answer 200 Pet.kind"),
        ("        weight: {type: number}\n", "",
         {("breaking", "field-removed", GET, "answer 200 Pet.weight"), ("breaking", "field-removed", PUT, "body Pet.weight")},
         "compatible field-added answer 200 Pet.weight; compatible field-added body Pet.weight"),
        ("weight: {type: number}", "weight: {type: integer}",
         {("compatible", "type", GET, "answer 200 Pet.weight"), ("breaking", "type", PUT, "body Pet.weight")},
         "breaking type answer 200 Pet.weight; compatible type body Pet.weight"),
        ("id: {type: string, readOnly: true}", "id: {type: integer, readOnly: true}",
         {("breaking", "type", GET, "answer 200 Pet.id")},
         "breaking type answer 200 Pet.id"),
        ("mail: {type: [string, 'null']}", "mail: {type: string}",
         {("compatible", "null", GET, "answer 200 Person.mail"), ("breaking", "null", PUT, "body Person.mail")},
         "breaking null answer 200 Person.mail; compatible null body Person.mail"),
        ("{type: string}]", "{type: string}, {type: integer}]",
         {("breaking", "union", GET, "answer 200 Pet.owner"), ("compatible", "union", PUT, "body Pet.owner")},
         "breaking union body Pet.owner; compatible union answer 200 Pet.owner"),
        ("items: {$ref: '#/components/schemas/Pet'}", "items: {type: string}",
         {("breaking", "type", GET, "answer 200 Pet.friends[]"), ("breaking", "type", PUT, "body Pet.friends[]")},
         "breaking type answer 200 Pet.friends[]; breaking type body Pet.friends[]"),
        ("'404'", "'410'",
         {("compatible", "status-removed", GET, "answer 404"), ("compatible", "status-added", GET, "answer 410")},
         "compatible status-added answer 404; compatible status-removed answer 410"),
        ("'204'", "'202'", {("breaking", "status-removed", PUT, "answer 204"), ("compatible", "status-added", PUT, "answer 202")},
         "breaking status-removed answer 202; compatible status-added answer 204"),
        ("{application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}\n      responses: {'204'",
         "{text/plain: {}}}\n      responses: {'204'",
         {("breaking", "media-removed", PUT, "body"), ("compatible", "media-added", PUT, "body")},
         "breaking media-removed body; compatible media-added body"),
        ("requestBody: {", "requestBody: {required: true, ", {("breaking", "required", PUT, "body")},
         "compatible required body"),
        ("[{key: []}, {}]", "[{key: []}]", {("breaking", "security", PUT, "security")},
         "compatible security security"),
        ("[{key: []}, {}]", "[{}]", {("compatible", "security", PUT, "security")},
         "compatible security security"),
        ("name: X-Key", "name: X-Token", {("breaking", "scheme", "", "security")},
         "breaking scheme security"),
        ("https://shop.example", "https://shop.example/v2", {("source", "server", "", "servers")},
         "source server servers"),
        ("operationId: putPet", "operationId: putPet\n      deprecated: true", {("compatible", "deprecated", PUT, "")},
         ""),
    ],
)  # fmt: skip
def test_a_change_is_named_and_judged(old: str, new: str, expected: set[tuple[str, ...]], back: str) -> None:
    assert old in SHOP
    before, after = api(SHOP), api(SHOP.replace(old, new))
    assert {(c.level, c.code, c.operation, c.place) for c in changes(before, after)} == expected
    undone = sorted(f"{c.level} {c.code} {c.place}".strip() for c in changes(after, before))
    assert undone == [one for one in back.split("; ") if one]


def both_ways(schema: str) -> str:
    """A document that sends and answers a value of a schema, as a field, an item, a parameter and a choice."""
    return f"""\
openapi: 3.1.0
info: {{title: Limits, version: '1.0'}}
paths:
  /x:
    put:
      operationId: put
      requestBody: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/Box'}}}}}}}}
      responses: {{'200': {{description: ok, content: {{application/json: {{schema: {{$ref: '#/components/schemas/Box'}}}}}}}}}}
components: {{schemas: {{Box: {{type: object, properties: {{
  field: {schema}, list: {{type: array, items: {schema}}}, map: {{type: object, additionalProperties: {schema}}},
  choice: {{oneOf: [{{type: boolean}}, {schema}]}}}}}}}}}}
"""


LIMITED = {"Box.field", "Box.list[]", "Box.map{}", "Box.choice"}


@pytest.mark.parametrize(
    ("code", "wide", "narrow"),
    [
        ("length", "{type: string}", "{type: string, minLength: 2}"),
        ("length", "{type: string, minLength: 2}", "{type: string, minLength: 3}"),
        ("length", "{type: string}", "{type: string, maxLength: 9}"),
        ("length", "{type: string, maxLength: 10}", "{type: string, maxLength: 9}"),
        ("pattern", "{type: string}", "{type: string, pattern: '^a'}"),
        ("format", "{type: string}", "{type: string, format: email}"),
        ("format", "{type: integer, format: int64}", "{type: integer, format: int32}"),
        ("format", "{type: number, format: double}", "{type: number, format: float}"),
        ("type", "{type: string}", "{type: string, format: date}"),
        ("range", "{type: integer}", "{type: integer, minimum: 0}"),
        ("range", "{type: integer, minimum: 0}", "{type: integer, exclusiveMinimum: 0}"),
        ("range", "{type: number, minimum: 0}", "{type: number, exclusiveMinimum: 0}"),
        ("range", "{type: number, exclusiveMinimum: 0}", "{type: number, minimum: 0.5}"),
        ("range", "{type: integer, maximum: 10}", "{type: integer, maximum: 9}"),
        ("range", "{type: number, maximum: 10}", "{type: number, exclusiveMaximum: 10}"),
        ("multiple", "{type: integer}", "{type: integer, multipleOf: 5}"),
        ("multiple", "{type: integer, multipleOf: 5}", "{type: integer, multipleOf: 10}"),
        ("count", "{type: array}", "{type: array, minItems: 1}"),
        ("count", "{type: array, maxItems: 3}", "{type: array, maxItems: 2}"),
        ("unique", "{type: array}", "{type: array, uniqueItems: true}"),
        ("count", "{type: object}", "{type: object, minProperties: 1}"),
        ("count", "{type: object, maxProperties: 3}", "{type: object, maxProperties: 2}"),
    ],
)  # fmt: skip
def test_a_limit_breaks_senders_when_it_narrows_and_readers_when_it_widens(
    code: str, wide: str, narrow: str
) -> None:
    for old, new, broken in ((wide, narrow, "body"), (narrow, wide, "answer 200")):
        found = changes(api(both_ways(old)), api(both_ways(new)))
        assert {(c.code, c.place) for c in found} == {
            (code, f"{side} {part}") for side in ("body", "answer 200") for part in LIMITED
        }
        assert all(c.breaking == c.place.startswith(broken) for c in found)


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("pattern", "{type: string, pattern: '^a'}", "{type: string, pattern: '^b'}"),
        ("format", "{type: string, format: email}", "{type: string, format: uri}"),
        ("multiple", "{type: integer, multipleOf: 2}", "{type: integer, multipleOf: 3}"),
    ],
)
def test_limits_that_cannot_be_compared_break_both(code: str, old: str, new: str) -> None:
    found = changes(api(both_ways(old)), api(both_ways(new)))
    assert {(c.code, c.breaking) for c in found} == {(code, True)}
    assert len(found) == 2 * len(LIMITED)


@pytest.mark.parametrize(
    ("code", "wide", "narrow"),
    [
        ("enum", "{type: number, enum: [1.5, 2]}", "{type: number, enum: [1.5]}"),
        ("enum", "{type: boolean}", "{type: boolean, enum: [true]}"),
        ("closed", "{type: object, properties: {a: {}}}",
         "{type: object, properties: {a: {}}, additionalProperties: false}"),
    ],
)  # fmt: skip
def test_what_readers_take_anyhow_breaks_only_senders(code: str, wide: str, narrow: str) -> None:
    found = changes(api(both_ways(wide)), api(both_ways(narrow)))
    assert {c.code for c in found} == {code}
    assert {c.place.partition(" ")[0] for c in found if c.breaking} == {"body"}
    assert not any(c.breaking for c in changes(api(both_ways(narrow)), api(both_ways(wide))))


def test_limits_beside_a_reference_count() -> None:
    text = SHOP.replace("name: {type: string}", "name: {$ref: '#/components/schemas/Name', maxLength: 9}")
    text += "    Name: {type: string, minLength: 2}\n"
    found = changes(api(text), api(text.replace("maxLength: 9", "maxLength: 5")))
    assert [(c.level, c.code, c.operation, c.place) for c in found] == [
        ("compatible", "length", GET, "answer 200 Pet.name"),
        ("breaking", "length", PUT, "body Pet.name"),
    ]
    assert changes(api(text), api(text)) == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("weight: {type: number}", "weight: {type: string}", ("breaking", "type", "webhook sold Pet.weight")),
        ("required: [id, kind]", "required: [id]", ("breaking", "required", "webhook sold Pet.kind")),
        ("{application/json: &told", "{text/plain: &told", ("breaking", "media-removed", "webhook sold")),
        ("  sold:", "  bought:", ("breaking", "webhook-removed", "webhook sold")),
    ],
)
def test_what_a_webhook_tells_is_read_as_an_answer(
    old: str, new: str, expected: tuple[str, str, str]
) -> None:
    told = "{application/json: &told {schema: {$ref: '#/components/schemas/Pet'}}}"
    hook = f"webhooks:\n  sold:\n    post:\n      requestBody: {{content: {told}}}\n"
    text = SHOP.replace(
        "components:\n", hook + "      responses: {'204': {description: ok}}\ncomponents:\n", 1
    )
    found = {
        (c.level, c.code, c.place) for c in changes(api(text), api(text.replace(old, new))) if not c.operation
    }
    assert expected in found


def test_ways_to_write_one_limit_are_no_change() -> None:
    ways = (
        "{type: integer, minimum: 1}",
        "{type: integer, exclusiveMinimum: 0}",
        "{type: integer, minimum: 0.5}",
    )
    assert {changes(api(both_ways(one)), api(both_ways(other))) for one in ways for other in ways} == {()}


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
