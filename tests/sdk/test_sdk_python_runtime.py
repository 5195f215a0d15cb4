"""What is only of Python clients: typed bodies of errors, what was not given, and what never leaves the process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import httpx2
import pytest

from nexus_cli.sdk.files import lay
from nexus_cli.sdk.generate import library
from tests.sdk.conftest import document

Answer = Callable[[httpx2.Request], httpx2.Response]
QUICK = {"retries": 2, "first_pause": 0.0}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The client of the document that uses everything."""
    folder = tmp_path_factory.mktemp("client")
    lay(library(document("everything.yaml"), "python")[1].files, folder)
    sys.path.insert(0, str(folder / "src"))
    yield importlib.import_module("everything")
    sys.path.remove(str(folder / "src"))


def client(package: ModuleType, answer: Answer, **settings: object):
    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return package.Client(http=http, retry=package.Retry(**QUICK), **settings)


def test_an_error_has_the_documented_body(everything: ModuleType) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(404, json={"message": "gone"})

    with client(everything, answer) as api, pytest.raises(everything.NotFoundError) as caught:
        api.lists.list_items()
    assert caught.value.body_as(everything.models.Problem).message == "gone"


def test_raw_answers_and_what_was_not_given(everything: ModuleType) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"items": [], "later": 1}, headers={"x-request-id": "r1"})

    with client(everything, answer) as api:
        reply = api.raw(api.lists.list_items)
    assert (reply.status, reply.headers["x-request-id"]) == (200, "r1")
    event = everything.models.Event(id=1, note=None)
    assert event.model_dump(mode="json", by_alias=True) == {"id": 1, "note": None}
    assert everything.models.Event(id=1).model_dump(mode="json") == {"id": 1}


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_stays_the_path_that_is_meant(everything: ModuleType, value: str) -> None:
    with client(everything, lambda _: httpx2.Response(204)) as api, pytest.raises(ValueError, match="path"):
        api.styles.styles(label=[1], matrix=["a"], list=[value])


def test_credentials_stay_with_their_server(everything: ModuleType) -> None:
    core = importlib.import_module("everything._core.client")
    with client(everything, lambda _: httpx2.Response(204), key="s3cret") as api:
        operation = importlib.import_module("everything.resources.lists")._LIST_ITEMS
        call = core.call_of(operation, {}, None, None, None)
        assert api.core._request(call, {}, 0)["headers"]["X-Key"] == "s3cret"
        assert "X-Key" not in api.core._request(call.at("https://evil.example/next"), {}, 0)["headers"]
