"""How generated clients of all languages behave on a real server when things go wrong, go on, or take long."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nexus_cli.engine import tools
from nexus_cli.sdk import go, python, typescript
from nexus_cli.sdk.files import lay
from nexus_cli.sdk.generate import library
from tests.sdk.conftest import document
from tests.sdk.scripted import Answering, Part, Stage

PROGRAMS = Path(__file__).resolve().parent / "programs"
NONE: dict[str, Any] = {"items": []}
DOG = {"kind": "dog", "tricks": ["sit"], "friend": {"kind": "cat", "lives": 7}, "good": True}
EVENT = {
    "id": 1,
    "at": "2026-02-28T12:30:00+01:00",
    "day": "2026-02-28",
    "ref": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "note": None,
    "extra": {"a": 1},
}


def status(code: int) -> Part:
    return lambda answer, _: answer.json(code, {"message": str(code)})


def retry(answer: Answering, number: int) -> None:
    answer.json(200, {"id": 7}) if number == 2 else answer.json(503, {}, retry_after="0")


def waits(answer: Answering, number: int) -> None:
    answer.json(200, NONE) if number else answer.json(429, {}, retry_after_ms="120")


def cut(answer: Answering, _: int) -> None:
    answer.close_connection = True
    answer.connection.close()


def stuck(answer: Answering, _: int) -> None:
    answer.open("application/json")
    answer.chunk('{"items": [')
    answer.hang()


def pages(answer: Answering, _: int) -> None:
    cursor = answer.path.partition("cursor=")[2]
    ids, after = {"": ([1, 2], "b c"), "b%20c": ([3], "d"), "b+c": ([3], "d"), "d": ([], None)}[cursor]
    answer.json(200, {"items": [{"id": number} for number in ids], "next_cursor": after})


def circle(answer: Answering, _: int) -> None:
    """A cursor that leads back to where it came from."""
    after = {"": "b", "b": "c", "c": "b"}[answer.path.partition("cursor=")[2]]
    answer.json(200, {"items": [{"id": 1}], "next_cursor": after})


def numbered(answer: Answering, _: int) -> None:
    """Pages that are counted from 0."""
    number = int(answer.path.partition("page=")[2] or 0)
    answer.json(200, [{"id": number}] if number < 3 else [])


def linked(answer: Answering, _: int) -> None:
    answer.json(200, [{"id": 1}], link='</linked/log?q=a b>; rel="next"')  # a space that should be %20


def events(answer: Answering, _: int) -> None:
    answer.open("text/event-stream")
    for text in (
        ': hello\n\nevent: a\nid: 1\ndata: {"id"',
        ':1}\n\ndata: {"id":\ndata: 2}\r\n\r\n',
        "data: [DONE]\n\n",
    ):
        answer.chunk(text)
    answer.chunk("")


def lines(answer: Answering, _: int) -> None:
    answer.open("application/x-ndjson")
    for text in ('{"id": 1}\n{"i', 'd": 2}\n\n', '{"id": 3}'):
        answer.chunk(text)
    answer.chunk("")


def notes(answer: Answering, _: int) -> None:
    """Signs at which some see the end of a line, within lines."""
    answer.open("application/x-ndjson")
    answer.chunk('{"id": 1, "note": "a\u2028b\x85c"}\r\n{"id": 2, "note": null}\n')
    answer.chunk("")


def whole(answer: Answering, _: int) -> None:
    answer.open("text/event-stream")
    answer.chunk("\ufeffevent: new\nid: 7\nretry: 50\ndata: a\u2028\ndata:b\n\nretry: 9\n\ndata: c\r\rdata:")
    answer.chunk(" d\n")
    answer.chunk("")


def drops(answer: Answering, _: int) -> None:
    answer.open("text/event-stream")
    answer.chunk('data: {"id": 1}\n\n')
    answer.close_connection = True
    answer.connection.shutdown(socket.SHUT_RDWR)


def garbled(answer: Answering, _: int) -> None:
    answer.open("application/x-ndjson")
    answer.chunk('{"id": 1}\n<html>\n')
    answer.chunk("")


def date(answer: Answering, number: int) -> None:
    """A time that is over: the next try is at once."""
    answer.json(200, NONE) if number else answer.json(503, {}, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")


def to(place: str, status: int) -> Part:
    return lambda answer, _: answer.json(status, {}, location=place.format(answer.server.server_address[1]))


def long(answer: Answering, _: int) -> None:
    """Longer than the 60 ms that the client waits for an answer to begin, and with longer pauses."""
    answer.open("text/event-stream")
    for number in range(3):
        answer.chunk(f'data: {{"id": {number}}}\n\n')
        answer.over.wait(0.08)
    answer.chunk("")


def leave(answer: Answering, _: int) -> None:
    answer.open("text/event-stream")
    answer.chunk('data: {"id": 1}\n\n')
    answer.hang()


def upload(answer: Answering, _: int) -> None:
    answer.send_response(201)
    answer.send_header("Content-Type", "application/octet-stream")
    answer.send_header("Content-Length", "2")
    answer.end_headers()
    answer.wfile.write(b"ok")


def token(seconds: int) -> Part:
    return lambda answer, number: answer.json(200, {"access_token": f"t{number}", "expires_in": seconds})


def oauth(answer: Answering, number: int) -> None:
    answer.json(401 if number == 1 else 200, NONE)


PARTS: dict[str, Part] = {
    "retry": retry,
    "waits": waits,
    "budget": lambda answer, _: answer.json(429, {}, retry_after="3600"),
    **{f"status{code}": status(code) for code in (400, 401, 403, 404, 409, 418, 422, 429, 500)},
    "slow": lambda answer, _: answer.hang(),
    "stuck": stuck,
    "cut": cut,
    "abort": lambda answer, _: answer.hang(),
    "pages": pages,
    "wholes": pages,
    "circle": circle,
    "linked": linked,
    "unheard": lambda answer, _: answer.json(200, [{"id": 1}, {"id": 2}]),
    "numbered": numbered,
    "events": events,
    "lines": lines,
    "notes": notes,
    "whole": whole,
    "drops": drops,
    "garbled": garbled,
    "date": date,
    "long": long,
    "leave": leave,
    "choose": events,
    "upload": upload,
    "token": token(3600),
    "oauth": oauth,
    "shorttoken": token(20),
    "brief": lambda answer, _: answer.json(200, NONE),
    "hooks": lambda answer, _: answer.json(200, NONE),
    "raw": lambda answer, _: answer.json(200, NONE, x_request_id="r1"),
    "key": lambda answer, _: answer.json(200, NONE),
    "trace": status(404),
    "hometoken": token(3600),
    "home": lambda answer, _: answer.json(200, NONE),
    "emptytoken": lambda answer, _: answer.json(200, {"token_type": "bearer"}),
    "notoken": lambda answer, _: answer.json(200, NONE),
    "moved": to("/here/chat", 307),
    "here": lambda answer, _: answer.json(200, {"id": 8}),
    "away": to("http://localhost:{}/there/chat", 308),
    "there": lambda answer, _: answer.json(200, {"id": 9}),
    "again": to("/again/items", 302),
    "animal": lambda answer, _: answer.json(200, DOG),
    "values": lambda answer, _: answer.json(200, EVENT),
    "own": lambda answer, _: answer.json(200, NONE),
}


def built_python(folder: Path) -> list[str]:
    program = folder / "runtime.py"
    program.write_text((PROGRAMS / "runtime.py.txt").read_text())
    return [
        "env",
        f"PYTHONPATH={folder / 'src'}",
        str(python.environment(print) / "bin" / "python"),
        str(program),
    ]


def built_typescript(folder: Path) -> list[str]:
    (folder / "src" / "runtime.ts").write_text((PROGRAMS / "runtime.ts").read_text())
    compiler = typescript.environment(print) / "node_modules" / "typescript" / "bin" / "tsc"
    node = str(tools.programs(tools.TOOLCHAINS["node"]) / "node")
    done = subprocess.run(
        [node, compiler, "-p", "."], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return [node, str(folder / "dist" / "runtime.js")]


def built_go(folder: Path) -> list[str]:
    (folder / "cmd").mkdir()
    (folder / "cmd" / "main.go").write_text((PROGRAMS / "runtime.go.txt").read_text())
    binary = folder / "runtime.out"
    command = [go.programs(print) / "go", "build", "-o", binary, "./cmd"]
    flags = {
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=mod -buildvcs=false -trimpath",
        "CGO_ENABLED": "0",
    }
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **flags}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [str(binary)]


@dataclass
class Played:
    """What a program said of each part, and the stage that it was played on."""

    said: dict[str, dict[str, Any]]
    stage: Stage
    way: str


WAYS = {
    "python": ("python", built_python, "sync"),
    "python-async": ("python", built_python, "async"),
    "typescript": ("typescript", built_typescript, ""),
    "go": ("go", built_go, ""),
}


@pytest.fixture(scope="module", params=WAYS)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All parts, played once by the client of each language."""
    language, build, mode = WAYS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    lay(library(document("everything.yaml"), language)[1].files, folder)
    command = build(folder)
    with Stage(PARTS) as stage:
        done = subprocess.run(
            [*command, stage.url, mode], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        stage.hung_up["leave"].wait(5)
    said = {line["part"]: line for line in map(json.loads, done.stdout.strip().split("\n"))}
    return Played(said, stage, request.param)


def test_a_post_is_tried_again_with_the_same_key_and_body(played: Played) -> None:
    assert played.said["retry"]["value"] == 7
    came = played.stage.came["retry"]
    assert [one.headers.get("x-retry-count") for one in came] == [None, "1", "2"]
    assert len({one.headers["idempotency-key"] for one in came}) == 1
    assert {json.loads(one.body)["text"] for one in came} == {"hi"}


def test_the_pause_that_is_asked_for_is_made(played: Played) -> None:
    first, second = played.stage.came["waits"]
    assert played.said["waits"].get("error") is None
    assert second.at - first.at >= 0.115


def test_a_pause_until_a_date_is_made(played: Played) -> None:
    assert (played.said["date"].get("value"), len(played.stage.came["date"])) == (0, 2)


def test_a_pause_beyond_the_budget_is_not_waited_for(played: Played) -> None:
    assert (played.said["budget"]["error"], len(played.stage.came["budget"])) == ("RateLimitError", 1)


@pytest.mark.parametrize(
    ("code", "name"),
    [(400, "BadRequestError"), (401, "AuthenticationError"), (403, "PermissionDeniedError"), (404, "NotFoundError"),
     (409, "ConflictError"), (422, "UnprocessableEntityError"), (429, "RateLimitError"), (500, "ServerError")],
)  # fmt: skip
def test_each_status_has_its_error(played: Played, code: int, name: str) -> None:
    said = played.said[f"status{code}"]
    assert (said["error"], said["status"], said["body"]) == (name, code, {"message": str(code)})


def test_other_statuses_are_errors_too(played: Played) -> None:
    assert played.said["status418"]["status"] == 418
    assert played.said["status418"]["error"] in {"APIStatusError", "APIError"}


@pytest.mark.parametrize("part", ["slow", "stuck"])
def test_what_does_not_come_or_does_not_end_in_time_is_a_timeout(played: Played, part: str) -> None:
    assert played.said[part]["error"].removeprefix("API") == "TimeoutError"


def test_a_lost_connection_is_tried_again(played: Played) -> None:
    assert played.said["cut"]["error"].removeprefix("API") == "ConnectionError"
    assert len(played.stage.came["cut"]) == 3


def test_who_loses_interest_is_not_kept_waiting(played: Played) -> None:
    if played.way == "python":
        pytest.skip("a thread that waits cannot be told to stop; the asynchronous client can")
    assert played.said["abort"]["error"] == "Error: enough"
    assert len(played.stage.came["abort"]) == 1


def test_every_item_of_every_page(played: Played) -> None:
    assert played.said["pages"]["value"] == [1, 2, 3]


def test_every_page_as_a_whole(played: Played) -> None:
    assert played.said["wholes"].get("value") == [2, 1, 0], played.said["wholes"]


def test_pages_that_are_counted_from_zero(played: Played) -> None:
    assert played.said["numbered"].get("value") == [0, 1, 2], played.said["numbered"]


@pytest.mark.parametrize(("part", "asked"), [("circle", 3), ("linked", 2), ("unheard", 2)])
def test_a_list_that_leads_back_to_itself_ends_with_an_error(played: Played, part: str, asked: int) -> None:
    assert played.said[part]["error"] == "InvalidResponseError"
    assert len(played.stage.came[part]) == asked


def test_an_address_of_a_page_with_a_space_is_asked_for(played: Played) -> None:
    assert played.stage.came["linked"][1].path == "/linked/log?q=a%20b"


def test_streams_of_events_and_of_lines(played: Played) -> None:
    assert played.said["events"]["value"] == [1, 2]
    assert played.said["lines"]["value"] == [1, 2, 3]


def test_lines_end_where_json_lines_end(played: Played) -> None:
    assert played.said["notes"].get("value") == ["a\u2028b\x85c", None], played.said["notes"]


def test_events_as_a_whole(played: Played) -> None:
    first = {"event": "new", "id": "7", "retry": 50, "data": "a\u2028\nb"}
    assert played.said["whole"].get("value") == [first, {"data": "c"}, {"data": "d"}], played.said["whole"]


def test_a_stream_that_breaks_off_is_a_lost_connection(played: Played) -> None:
    assert played.said["drops"]["error"].removeprefix("API") == "ConnectionError"


def test_a_line_that_is_no_json_is_an_invalid_answer(played: Played) -> None:
    assert played.said["garbled"]["error"] == "InvalidResponseError"


def test_a_stream_may_take_longer_than_an_answer(played: Played) -> None:
    assert played.said["long"].get("value") == [0, 1, 2], played.said["long"]


def test_who_leaves_a_stream_hangs_up(played: Played) -> None:
    assert played.said["leave"]["value"] == 1
    assert played.stage.hung_up["leave"].is_set()


def test_a_stream_is_asked_for_where_there_is_a_choice(played: Played) -> None:
    assert played.said["choose"]["value"] == [1, 2]
    assert played.stage.came["choose"][0].headers["accept"] == "text/event-stream"
    assert played.stage.came["retry"][0].headers["accept"] == "application/json"


def test_files_are_uploaded(played: Played) -> None:
    came = played.stage.came["upload"][0]
    head = f"Content-Type: {came.headers['content-type']}\r\n\r\n".encode()
    form = email.message_from_bytes(head + came.body, policy=email.policy.HTTP)
    parts = [
        (
            part.get_param("name", header="content-disposition"),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in form.iter_parts()
    ]
    assert [(name, content) for name, _, content in parts] == [
        ("file", b"hello"), ("more", b"b"), ("labels", b"x"), ("labels", b"y"), ("meta", b'{"size":5}')
    ]  # fmt: skip
    assert {name: media for name, media, _ in parts} == {
        "file": "text/plain", "more": "application/octet-stream", "labels": "text/plain", "meta": "application/json"
    }  # fmt: skip
    assert next(form.iter_parts()).get_filename() == "a.txt"


def test_a_token_is_fetched_once_and_again_after_a_401(played: Played) -> None:
    asked = played.stage.came["token"]
    assert len(asked) == 2
    assert asked[0].headers["authorization"] == "Basic aWQ6czpj"
    assert asked[0].body == b"grant_type=client_credentials&scope=read"
    used = [one.headers["authorization"] for one in played.stage.came["oauth"]]
    assert used == ["Bearer t0", "Bearer t0", "Bearer t1"]


def test_a_token_is_renewed_before_it_ends(played: Played) -> None:
    used = [one.headers["authorization"] for one in played.stage.came["brief"]]
    assert used == ["Bearer t0", "Bearer t1"]


def test_an_address_for_tokens_without_a_host_is_the_servers(played: Played) -> None:
    assert played.said["home"].get("error") is None, played.said["home"]
    assert [one.headers["authorization"] for one in played.stage.came["home"]] == ["Bearer t0", "Bearer t0"]


def test_an_answer_without_a_token_is_an_error(played: Played) -> None:
    assert played.said["notoken"]["error"] == "InvalidResponseError"
    assert played.stage.came["notoken"] == []


def test_redirects_are_followed_and_another_origin_gets_no_key(played: Played) -> None:
    assert [played.said[part].get("value") for part in ("moved", "away")] == [8, 9], played.said["away"]
    here, there = played.stage.came["here"][0], played.stage.came["there"][0]
    assert here.headers["x-key"] == played.stage.came["away"][0].headers["x-key"] == "s3cret"
    assert "x-key" not in there.headers
    assert [(one.method, json.loads(one.body)) for one in (here, there)] == [("POST", {"text": "hi"})] * 2


def test_redirects_come_to_an_end(played: Played) -> None:
    assert played.said["again"]["error"].removeprefix("API") == "ConnectionError"


def test_an_http_client_of_your_own(played: Played) -> None:
    assert played.stage.came["own"][0].headers["x-own"] == "1"


def test_unions_are_what_their_discriminator_says(played: Played) -> None:
    assert played.said["animal"].get("value") == [["sit"], 7, {"good": True}], played.said["animal"]
    assert json.loads(played.stage.came["animal"][0].body) == {"kind": "cat", "lives": 9}


def test_what_has_one_value_only_need_not_be_given(played: Played) -> None:
    """`kind` of the animal above, too; TypeScript's compiler wants it written, and lets nothing else be."""
    assert {one.headers["x-version"] for one in played.stage.came["numbered"]} == {"2"}


def test_dates_ids_maps_and_null_arrive(played: Played) -> None:
    said = [EVENT[name] for name in ("at", "day", "ref", "note", "extra")]
    assert played.said["values"].get("value") == [*said, True], played.said["values"]


def test_hooks_see_and_change(played: Played) -> None:
    assert played.said["hooks"]["value"] == ["GET", "200"]
    assert played.stage.came["hooks"][0].headers["x-hook"] == "1"


def test_raw_answers(played: Played) -> None:
    assert played.said["raw"]["value"] == [0, 200, "r1"]


def test_keys_are_sent(played: Played) -> None:
    assert played.stage.came["key"][0].headers["x-key"] == "s3cret"


def test_a_span_around_each_call_and_its_traceparent(played: Played) -> None:
    sent = played.stage.came["trace"][0].headers["traceparent"]
    assert played.said["trace"]["value"] == ["GET /items", 404, True, sent]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]", sent)
