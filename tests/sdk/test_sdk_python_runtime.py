"""How a generated Python client behaves when things go wrong, go on, or have to be proved."""

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


def test_a_post_is_tried_again_with_the_same_key(everything: ModuleType) -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if len(seen) < 3:
            return httpx2.Response(503, headers={"retry-after": "0"})
        return httpx2.Response(200, json={"id": 1})

    with client(everything, answer) as api:
        assert api.streams.chat(body=everything.models.ChatRequest(text="hi")).id == 1
    assert len(seen) == 3
    assert len({request.headers["idempotency-key"] for request in seen}) == 1
    assert seen[0].content == seen[2].content == b'{"text":"hi"}'


def test_a_pause_beyond_the_budget_is_not_waited_for(everything: ModuleType) -> None:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(429, headers={"retry-after": "3600"}, json={"message": "slow down"})

    with client(everything, answer) as api, pytest.raises(everything.RateLimitError) as caught:
        api.lists.list_items()
    assert caught.value.status == 429
    assert len(seen) == 1


def test_an_error_has_the_documented_body(everything: ModuleType) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(404, json={"message": "gone"})

    with client(everything, answer) as api, pytest.raises(everything.NotFoundError) as caught:
        api.lists.list_items()
    assert caught.value.body_as(everything.models.Problem).message == "gone"


def test_no_answer_is_an_error_of_its_own(everything: ModuleType) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectTimeout("late", request=request)

    with client(everything, answer) as api, pytest.raises(everything.APITimeoutError):
        api.lists.list_items()


def test_every_item_of_every_page(everything: ModuleType) -> None:
    pages = {None: ([1, 2], "b"), "b": ([3], "c"), "c": ([], None)}

    def answer(request: httpx2.Request) -> httpx2.Response:
        ids, after = pages[request.url.params.get("cursor")]
        return httpx2.Response(200, json={"items": [{"id": n} for n in ids], "next_cursor": after})

    with client(everything, answer) as api:
        assert [item.id for item in api.lists.iter_list_items()] == [1, 2, 3]


def test_client_credentials_are_fetched_once_and_again_after_a_401(everything: ModuleType) -> None:
    tokens: list[str] = []
    used: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/token":
            tokens.append(f"t{len(tokens)}")
            return httpx2.Response(200, json={"access_token": tokens[-1], "expires_in": 3600})
        used.append(request.headers["authorization"])
        return httpx2.Response(401 if used[-1] == "Bearer t0" and len(used) > 1 else 200, json={"items": []})

    oauth = everything.ClientCredentials("id", "secret", scopes=("read",))
    with client(everything, answer, oauth=oauth) as api:
        api.lists.list_items()
        api.lists.list_items()
    assert used == ["Bearer t0", "Bearer t0", "Bearer t1"]


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
