"""Connections: what each service is given, strictly resolved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nexus_cli.blueprint.bind import Bindings, service_environment, unit_url
from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.references import UnknownReference, resolve
from tests.conftest import service

Write = Callable[[str, str], Path]


def test_a_service_is_given_its_connections(workspace: Path, write: Write) -> None:
    write("user-management", service("user-management", 3002))
    write(
        "order",
        service(
            "order",
            3001,
            uses="[postgres, redis, nats, user-management]",
            env='{BACK: "${gateway.url}/back", PRICE: "$$5"}',
            secrets="[STRIPE_KEY]",
        ),
    )
    platform = load(workspace)
    bindings = Bindings(
        ports={"postgres": {"sql": 20001}, "order": {"http": 20002}},
        credentials={"postgres": {"password": "pw"}, "redis": {"password": "r"}, "nats": {"password": "n"}},
        secrets={"STRIPE_KEY": "sk"},
        variables={"LOG_LEVEL": "debug"},
    )
    assert service_environment(platform, platform.services["order"], bindings) == {
        "HOST": "127.0.0.1",
        "PORT": "20002",
        "SERVICE_NAME": "order",
        "PLATFORM": "shop",
        "ENVIRONMENT": "development",
        "DATABASE_URL": "postgresql://nexus:pw@127.0.0.1:20001/order",
        "REDIS_URL": "redis://:r@127.0.0.1:6379/0",
        "NATS_URL": "nats://nexus:n@127.0.0.1:4222",
        "USER_MANAGEMENT_URL": "http://127.0.0.1:3002",
        "LOG_LEVEL": "debug",
        "BACK": "http://127.0.0.1:3000/back",
        "PRICE": "$5",
        "STRIPE_KEY": "sk",
    }


@pytest.mark.parametrize("text", ["${unknown}", "${}", "${a b}", "${host.}"])
def test_an_unknown_reference_is_never_empty(text: str) -> None:
    with pytest.raises(UnknownReference):
        resolve(text, {"host": "h"})


def test_a_near_name_is_offered() -> None:
    with pytest.raises(UnknownReference) as caught:
        resolve("${hots}", {"host": "h"})
    assert caught.value.hint == 'did you mean "${host}"?'


@pytest.mark.parametrize(
    ("public", "at"),
    [
        ("", "127.0.0.1"),
        ("10.0.0.5", "10.0.0.5"),
        ("2001:db8::5", "[2001:db8::5]"),
        ("0.0.0.0", "127.0.0.1"),  # of all addresses none is told
        ("::", "127.0.0.1"),
    ],
)
def test_what_is_told_of_a_gateway_is_where_it_takes_requests(
    workspace: Path, write: Write, public: str, at: str
) -> None:
    told = '{FRONT: "${gateway.public_url}", INNER: "${gateway.url}", CACHE: "${redis.public_url}"}'
    write("order", service("order", 3001, env=told))
    platform = load(workspace)
    bindings = Bindings(containers=True, public=public)
    given = service_environment(platform, platform.services["order"], bindings)
    assert given["FRONT"] == unit_url(platform.components["gateway"], bindings) == f"http://{at}:3000"
    assert given["INNER"] == "http://gateway:3000"
    assert "127.0.0.1:6379" in given["CACHE"]
    alone = service_environment(platform, platform.services["order"], replace(bindings, containers=False))
    assert alone["FRONT"] == "http://127.0.0.1:3000"
