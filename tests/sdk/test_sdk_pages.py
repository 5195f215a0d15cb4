"""The reference of an API as web pages: all of it, every link leads somewhere, and no text is markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from nexus_generators.docs.reference import site
from nexus_generators.openapi.build import build
from nexus_generators.openapi.cases import Cases
from nexus_generators.openapi.document import Document, load

from nexus_cli.sdk.schemas import Schemas
from tests.conftest import Run
from tests.sdk.conftest import DOCUMENTS, document


class Page(HTMLParser):
    """What a page refers to, what can be referred to in it, and what it has."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"href", "src"}:
                self.links.add(value or "")
            elif name == "id":
                self.anchors.add(value or "")
            assert not name.startswith("on")

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(loaded: Document) -> dict[str, Page]:
    schemas = Schemas(loaded)
    api = build(loaded)
    files = site(api, Cases(loaded, api, schemas.valid, schemas.faults).of)
    return {path: Page(file.content) for path, file in files.items() if path.endswith(".html")}


@pytest.mark.parametrize("name", ["everything.yaml", "swagger-petstore-1.0.27.yaml", "twilio-api-v2010.json"])
def test_all_of_it_is_there_and_every_link_leads_somewhere(name: str) -> None:
    loaded = document(name)
    found = pages(loaded)
    api = build(loaded)
    operations = [page for path, page in found.items() if path.startswith("groups/")]
    assert sum(len(page.anchors) for page in operations) == len(api.operations)
    for operation in api.operations:
        assert any(operation.route in page.text for page in operations)
    assert len(found["types.html"].anchors) == len(api.declarations)
    for path, page in found.items():
        for link in page.links:
            place, _, anchor = link.partition("#")
            target = (Path("/") / Path(path).parent / unquote(place)).resolve().relative_to("/").as_posix()
            assert target in {"style.css", "filter.js"} or target in found, link
            assert not anchor or anchor in found[target].anchors, link


def test_what_stands_between_backticks_is_code() -> None:
    told = "Use `limit <= 100`, one ` alone"
    operation = {
        "get": {"summary": "s", "description": told[:-8], "responses": {"200": {"description": told}}}
    }
    text = json.dumps(
        {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": operation}}
    )
    (page,) = (page for path, page in pages(load(text, "a.json")).items() if path.startswith("groups/"))
    assert "Use limit <= 100, one" in page.text  # in a paragraph of its own
    assert told in page.text  # an odd one is itself


def test_no_text_is_markup() -> None:
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\u202e'
    text = json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": hostile, "version": hostile, "description": hostile},
            "servers": [{"url": hostile, "description": hostile}],
            "paths": {
                f"/{hostile.replace('{', '').replace('}', '')}": {
                    "get": {
                        "tags": [hostile],
                        "operationId": hostile,
                        "summary": hostile,
                        "description": f"`{hostile}` and `{hostile}",
                        "parameters": [
                            {
                                "name": hostile,
                                "in": "query",
                                "description": hostile,
                                "schema": {"enum": [hostile]},
                            }
                        ],
                        "responses": {"200": {"description": hostile, "content": {hostile: {}}}},
                    }
                }
            },
            "components": {
                "schemas": {hostile: {"description": hostile, "properties": {hostile: {"type": "string"}}}}
            },
        }
    )
    for path, page in pages(load(text, "hostile.json")).items():
        assert not {"img"} & page.tags
        assert ("script" in page.tags) == (path == "index.html")
        assert "49" not in page.text
        assert "\u202e" not in page.text


def test_the_command_writes_pages_without_a_workspace(tmp_path: Path, nexus: Run) -> None:
    done = nexus("generate", "docs", "--spec", str(DOCUMENTS / "oai-petstore-3.0.yaml"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "next: open docs/api/index.html" in done.stderr
    assert "List all pets" in (tmp_path / "docs/api/groups/pets.html").read_text()
