"""Real documents: nothing is lost on the way to the model, and what is mended is said."""

from __future__ import annotations

import json
import socket
import threading

import pydantic
import pytest
from nexus_generators.openapi.build import build
from nexus_generators.openapi.cases import Case, Cases
from nexus_generators.openapi.document import Document, load
from nexus_generators.openapi.model import Array, Map, Named, Nullable, Record, Scalar, Union
from nexus_generators.sdk.library import Package
from nexus_generators.sdk.python.names import MODEL

from nexus_cli.sdk.generate import LANGUAGES
from nexus_cli.sdk.schemas import Schemas
from tests.sdk.conftest import COUNTS, document


def test_every_operation_and_schema_arrives(real: Document) -> None:
    api = build(real)
    assert len(api.operations) == COUNTS[real.name.rsplit("/", 1)[-1]]
    keys = {key.removesuffix("#form") for key in api.declarations}
    assert {f"#/components/schemas/{name}" for name in real.schemas} <= keys
    for language in LANGUAGES.values():
        assert set(language.emit(api, Package.of(api)).calls) == {op.pointer for op in api.operations}


def test_every_operation_can_be_tried(real: Document) -> None:
    api, schemas = build(real), Schemas(real)
    cases = Cases(real, api, schemas.valid, schemas.faults).all()
    assert [case for case in cases if not isinstance(case, Case)] == []


def test_the_same_document_gives_the_same_bytes() -> None:
    for language in LANGUAGES.values():
        made = [
            language.emit(build(document("opc-baseline-3.1.yaml")), Package("a", "a", "1.0.0")).files
            for _ in "ab"
        ]
        assert made[0] == made[1]


def test_what_models_have_is_no_name_of_a_field() -> None:
    assert {name for name in dir(pydantic.BaseModel) if not name.startswith("__")} <= MODEL


def schema(text: str, version: str = "3.1.0"):
    """The types of the schemas of a small document."""
    loaded = load(json.dumps({"openapi": version, "components": {"schemas": json.loads(text)}}), "small.json")
    api = build(loaded)
    return api, {found.name: found for found in api.declarations.values()}, loaded


def test_nullable_and_optional_are_kept_apart() -> None:
    text = '{"A": {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}, "c": {"type": "string"}, "d": {"type": ["string", "null"]}}}}'
    fields = {f.name: (f.required, isinstance(f.type, Nullable)) for f in schema(text)[1]["A"].fields}
    assert fields == {"a": (True, False), "b": (True, True), "c": (False, False), "d": (False, True)}


def test_nullable_of_3_0_becomes_one_more_type() -> None:
    text = '{"A": {"type": "object", "properties": {"a": {"nullable": true, "allOf": [{"$ref": "#/components/schemas/B"}]}}}, "B": {"type": "object", "properties": {"x": {"type": "integer"}}}}'
    api, found, loaded = schema(text, "3.0.3")
    field = found["A"].fields[0]
    assert isinstance(field.type, Nullable)
    assert api.record(field.type) is found["B"]
    assert loaded.notes[0].code == "no-info"


def test_all_of_is_one_record() -> None:
    text = '{"A": {"allOf": [{"$ref": "#/components/schemas/B"}, {"type": "object", "required": ["x"], "properties": {"y": {"type": "string"}}}]}, "B": {"type": "object", "properties": {"x": {"type": "integer"}}}}'
    record = schema(text)[1]["A"]
    assert isinstance(record, Record)
    assert [(f.name, f.required) for f in record.fields] == [("x", True), ("y", False)]


def test_only_a_server_elsewhere_is_an_operations_own() -> None:
    get = {"responses": {"200": {"description": "ok"}}}
    paths = {
        "/same": {"servers": [{"url": "https://a.example"}], "get": get},
        "/other": {"servers": [{"url": "https://b.example"}], "get": get},
    }
    text = json.dumps({"openapi": "3.1.0", "servers": [{"url": "https://a.example"}], "paths": paths})
    same, other = build(load(text, "servers.json")).operations
    assert (same.servers, other.servers[0].address) == ((), "https://b.example")


def test_every_server_that_the_document_tells_can_be_chosen() -> None:
    found = [server.address for server in build(document("everything.yaml")).servers]
    assert found == ["https://eu.example.com/v1", "https://us.example.com/v1"]


def test_names_that_fastapi_makes_are_shortened() -> None:
    get = {
        "operationId": "list_items_api_v1_items__item_id__get",
        "responses": {"200": {"description": "ok"}},
    }
    text = json.dumps({"openapi": "3.1.0", "paths": {"/api/v1/items/{item_id}": {"get": get}}})
    assert build(load(text, "fastapi.json")).operations[0].name == "list_items"


def test_unions_and_discriminators() -> None:
    text = '{"P": {"oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}], "discriminator": {"propertyName": "kind", "mapping": {"meow": "Cat", "gone": "#/components/schemas/No"}}}, "Cat": {"type": "object", "properties": {"kind": {"type": "string"}}}, "Dog": {"type": "object", "properties": {"kind": {"type": "string"}}}}'
    union = schema(text)[1]["P"].type
    assert isinstance(union, Union)
    assert union.discriminator == "kind"
    assert dict(union.mapping) == {"meow": "#/components/schemas/Cat", "Dog": "#/components/schemas/Dog"}


def test_schemas_that_hold_themselves() -> None:
    text = '{"Json": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/components/schemas/Json"}}]}, "Tree": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Tree"}}}, "M": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/M"}}}'
    _, found, _ = schema(text)
    assert isinstance(found["Json"].type, Union)
    assert found["M"].type == Map(Named("#/components/schemas/M"))
    assert found["Tree"].fields[0].type == Named("#/components/schemas/Tree")


@pytest.mark.parametrize(
    ("part", "version", "code"),
    [
        ('{"type": "string", "enum": ["a", "a"]}', "3.0.0", "duplicate-enum"),
        ('{"type": "any"}', "3.0.0", "unknown-type"),
        ('{"type": "string", "nullable": true}', "3.1.0", "nullable"),
        ('{"type": "object", "properties": {"a": true}}', "3.0.0", "boolean-schema"),
        ('{"$ref": "#/components/schemas/No"}', "3.0.0", "unresolved-ref"),
        ('{"$ref": "#/components/schemas/A"}', "3.1.0", "reference-loop"),
        ('{"type": "string", "pattern": "("}', "3.1.0", "bad-pattern"),
        ('{"type": "array", "items": [{"type": "string"}]}', "3.0.0", "items-list"),
        ('{"type": "object", "required": true}', "3.0.0", "bad-required"),
        ('{"oneOf": [{"type": "string"}, {"type": "string"}]}', "3.0.0", "duplicate-variant"),
        ('{"type": "integer", "minimum": 1, "exclusiveMinimum": true}', "3.1.0", "exclusive-limit"),
    ],
)
def test_repairs_leave_notes(part: str, version: str, code: str) -> None:
    _, _, loaded = schema(f'{{"A": {part}}}', version)
    note = next(note for note in loaded.notes if note.code == code)
    assert note.pointer.startswith("/components/schemas/A")
    assert note.line == 1


def test_status_codes_without_quotation_marks() -> None:
    text = (
        "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      responses:\n        200:\n          description: ok\n"
    )
    loaded = load(text, "loose.yaml")
    assert build(loaded).operations[0].answers[0].status == "200"
    assert [note.line for note in loaded.notes if note.code == "unquoted-status"] == [6]


def test_references_to_other_files_become_part_of_the_document(tmp_path) -> None:
    from nexus_cli.errors import UsageError
    from nexus_cli.sdk.source import read

    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "pet.yaml").write_text(
        "type: object\nproperties:\n  tag: {$ref: 'tag.yaml#/Tag'}\n"
    )
    (tmp_path / "parts" / "tag.yaml").write_text("Tag: {type: array, items: {type: string}}\n")
    main = tmp_path / "api.yaml"
    main.write_text("openapi: 3.1.0\ncomponents:\n  schemas:\n    Pet: {$ref: 'parts/pet.yaml'}\n")
    api = build(read(str(main)))
    record = api.record(Named("#/components/schemas/Pet"))
    assert record is not None
    assert api.plain(record.fields[0].type) == Array(Scalar("string"))
    main.write_text("openapi: 3.1.0\ncomponents:\n  schemas:\n    Pet: {$ref: '../../etc/passwd'}\n")
    with pytest.raises(UsageError, match="outside of"):
        read(str(main))


def test_an_address_that_speaks_no_http_is_a_fault_and_no_crash() -> None:
    from nexus_cli.errors import NexusError
    from nexus_cli.sdk.source import read

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"220 mail.example ready\r\n")

        speaking = threading.Thread(target=answer)
        speaking.start()
        with pytest.raises(NexusError, match="cannot read http"):
            read(f"http://127.0.0.1:{server.getsockname()[1]}/openapi.json")
        speaking.join()


def test_an_address_is_read_but_leads_into_no_private_network_unasked() -> None:
    from nexus_cli.errors import UsageError
    from nexus_cli.sdk.source import read
    from tests.sdk.scripted import Part, Stage

    said = {"openapi": "3.1.0", "info": {"title": "Far", "version": "1"}, "paths": {}}
    parts: dict[str, Part] = {
        "doc": lambda answer, _: answer.json(200, said),
        "away": lambda answer, _: answer.json(302, {}, location="/doc"),
    }
    with Stage(parts) as stage:
        assert read(f"{stage.url}/doc").data["info"]["title"] == "Far"
        with pytest.raises(UsageError, match="leads into a private network"):
            read(f"{stage.url}/away")
        assert len(stage.came["doc"]) == 1
        assert read(f"{stage.url}/away", private=True).data["info"]["title"] == "Far"
