"""The completeness gate: what is complete passes, and what is not is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from nexus_generators.generator import text
from nexus_generators.sdk.library import Library

from nexus_cli.sdk.files import lay
from nexus_cli.sdk.gate import prove
from nexus_cli.sdk.generate import LANGUAGES, library
from nexus_cli.sdk.proof import Proof
from nexus_cli.sdk.report import Report
from tests.conftest import Run
from tests.sdk.conftest import DOCUMENTS, document


def proved(name: str, language: str, folder: Path, change=lambda made: made) -> Report:
    loaded = document(name)
    api, made = library(loaded, language)
    made = change(made)
    lay(made.files, folder)
    return prove(loaded, api, made, folder, LANGUAGES[language].proof, language, print)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["opc-baseline-3.1.yaml", "everything.yaml"])
def test_clients_are_complete(language: str, name: str, tmp_path: Path) -> None:
    report = proved(name, language, tmp_path)
    assert list(report.lines())[-1].startswith("complete"), "\n".join(report.lines())
    assert report.proved == report.operations > 0


def broken(old: str, new: str):
    def change(made: Library) -> Library:
        files = {
            path: text(file.content.decode().replace(old, new)) if path.endswith("pets.py") else file
            for path, file in made.files.items()
        }
        assert files != made.files
        return replace(made, files=files)

    return change


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"/pets/{petId}"', '"/pet/{petId}"', "the path is"),
        ('core.Parameter("limit", "query")', 'core.Parameter("limits", "query")', "the query is"),
        ('"POST"', '"PUT"', "the method is"),
        ("type=models.Pets", "type=list[str]", "InvalidResponseError"),
        ("def show_pet_by_id", "def show", "AttributeError"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(old: str, new: str, said: str, tmp_path: Path) -> None:
    loaded = document("oai-petstore-3.0.yaml")
    api, made = library(loaded, "python")
    made = broken(old, new)(made)
    lay(made.files, tmp_path)
    only_calls = Proof(lambda *_: iter(()), LANGUAGES["python"].proof.driver, 2)
    report = prove(loaded, api, made, tmp_path, only_calls, "python", print)
    assert [one for one in report.omissions if said in one.why and one.fault == "client"], report.omissions
    assert not report.complete()
    assert report.complete([one.operation for one in report.omissions])


def test_an_operation_that_was_not_generated_is_missing(tmp_path: Path) -> None:
    def without(made: Library) -> Library:
        return replace(made, calls=dict(list(made.calls.items())[1:]))

    loaded = document("oai-petstore-3.0.yaml")
    api, made = library(loaded, "python")
    made = without(made)
    lay(made.files, tmp_path)
    only_calls = Proof(lambda *_: iter(()), LANGUAGES["python"].proof.driver, 2)
    report = prove(loaded, api, made, tmp_path, only_calls, "python", print)
    assert report.omissions[0].operation == "GET /pets"
    assert report.checks[0].detail == "GET /pets is missing"


def test_the_command_writes_proves_and_keeps_what_is_yours(tmp_path: Path, nexus: Run) -> None:
    command = ["generate", "sdk", "--spec", str(DOCUMENTS / "oai-petstore-2.0.yaml"), "--lang", "python"]
    done = nexus(*command, "--report", "proof.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "complete: python, 3 of 3 operations" in done.stdout
    assert json.loads((tmp_path / "proof.json").read_text())["complete"] is True
    custom = tmp_path / "sdk/python/src/swagger_petstore/custom/__init__.py"
    custom.write_text("MINE = 1\n")
    again = nexus(*command, "--no-verify", cwd=tmp_path)
    assert "0 written" in again.stdout
    assert custom.read_text() == "MINE = 1\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["proof.json", "sdk", "shop"]


def test_what_cannot_be_tried_fails_unless_it_is_allowed(tmp_path: Path, nexus: Run) -> None:
    spec = tmp_path / "odd.yaml"
    spec.write_text(
        "openapi: 3.1.0\ninfo: {title: Odd, version: '1'}\npaths:\n  /a:\n    post:\n      operationId: addA\n"
        "      requestBody: {content: {application/json: {schema: {allOf: [{type: string}, {type: integer}]}}}}\n"
        "      responses: {'200': {description: ok}}\n"
    )
    command = ["generate", "sdk", "--spec", str(spec), "--lang", "typescript"]
    done = nexus(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert "MISSING POST /a: cannot be tried" in done.stdout
    assert nexus(*command, "--allow-missing", "addA", cwd=tmp_path).returncode == 0
