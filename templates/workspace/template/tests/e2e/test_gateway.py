"""What users meet wherever they go: the gateway's own answers."""

from __future__ import annotations

from http import HTTPStatus


def test_a_path_that_leads_nowhere_is_explained(gateway) -> None:
    answer = gateway.get("/no/such/path")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == HTTPStatus.NOT_FOUND


def test_an_answer_can_be_found_in_the_logs(gateway) -> None:
    answer = gateway.get("/no/such/path", headers={"x-correlation-id": "journey-42"})
    assert answer.headers["x-correlation-id"] == "journey-42"
