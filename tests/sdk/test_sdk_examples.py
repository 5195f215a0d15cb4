"""Examples in READMEs: each group has a whole call, also where it takes files or answers with a stream."""

from __future__ import annotations

import pytest
from nexus_generators.openapi.build import build
from nexus_generators.openapi.cases import Cases
from nexus_generators.openapi.document import load
from nexus_generators.sdk import examples as chosen
from nexus_generators.sdk.library import Package

from nexus_cli.sdk.generate import LANGUAGES
from nexus_cli.sdk.schemas import Schemas

FILES = """\
openapi: 3.1.0
info: {title: Files, version: 1.0.0}
paths:
  /files:
    post:
      operationId: uploadFile
      tags: [uploads]
      requestBody:
        required: true
        content:
          multipart/form-data:
            schema:
              type: object
              required: [name, file]
              properties: {name: {type: string}, file: {type: string, format: binary}}
      responses: {"204": {description: kept}}
  /raw/{id}:
    put:
      operationId: putFile
      tags: [raws]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody: {required: true, content: {application/octet-stream: {schema: {}}}}
      responses: {"204": {description: kept}}
  /events:
    get:
      operationId: listen
      tags: [events]
      responses: {"200": {description: events, content: {text/event-stream: {schema: {type: string}}}}}
  /things:
    get:
      operationId: list
      tags: [things]
      responses: {"204": {description: none}}
"""
CALLS = {
    "python": (
        'client.uploads.upload_file(models.UploadFileRequest(name="text", file=b"bytes"))',
        'client.raws.put_file("text", b"bytes of a file")',
        "client.events.listen()",
        "client.things.list_()",
    ),
    "typescript": (
        'await client.uploads.uploadFile({ body: { name: "text", file: new Blob(["bytes"]) } });',
        'await client.raws.putFile({ id: "text", body: new Blob(["bytes of a file"]) });',
        "await client.events.listen();",
        "await client.things.list();",
    ),
    "go": (
        (
            "client.Uploads.UploadFile(ctx, files.UploadFileParams{Body: files.UploadFileRequest{"
            'Name: "text", File: files.File{Content: []byte("bytes")}}})'
        ),
        (
            'client.Raws.PutFile(ctx, files.PutFileParams{ID: "text", '
            'Body: files.File{Content: []byte("bytes of a file")}})'
        ),
        "client.Events.Listen(ctx)",
        "client.Things.List(ctx)",
    ),
}


@pytest.mark.parametrize("language", CALLS)
def test_each_group_has_a_call_with_all_that_it_needs(language: str) -> None:
    document = load(FILES, "files.yaml")
    api, schemas = build(document), Schemas(document)
    examples = chosen.choose(api, Cases(document, api, schemas.valid, schemas.faults).of)
    assert [one.operation.name for one in chosen.tested(examples)] == ["list"]  # the others are only shown
    made = LANGUAGES[language].emit(api, Package.of(api), examples)
    readme = made.files["README.md"].content.decode()
    for call in CALLS[language]:
        assert f"\n{call}\n" in readme
