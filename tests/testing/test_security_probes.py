"""Strangers and hostile input, against gateways that have the fault which is looked for."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import trustme
from joserfc import jwt
from joserfc.errors import JoseError

from nexus_cli.blueprint.load import load
from nexus_cli.blueprint.model import Jwt
from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.items import Items
from nexus_cli.testing.operations import Operation, operations
from nexus_cli.testing.security import access, edge, injection, tenants
from nexus_cli.testing.security.strangers import strangers
from nexus_cli.tokens import DevelopmentKeys, bearer
from tests.support.answering import Answering
from tests.support.answering import gateway as served

SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
JWT = Jwt()
ORDERS = Operation("order", "GET", "/orders", "jwt", {}, file="blueprints/order.yaml", line=7)


@contextmanager
def gateway(answering: Answering, context: ssl.SSLContext | None = None) -> Iterator[Gateway]:
    """What answers every request as it is told."""
    with served(answering, context) as url:
        yield Gateway(url)


def token_of(request: BaseHTTPRequestHandler) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


@pytest.fixture
def keys(tmp_path: Path) -> DevelopmentKeys:
    return DevelopmentKeys(tmp_path / "keys")


def guarded(
    keys: DevelopmentKeys, lets_in: Callable[[BaseHTTPRequestHandler, str], bool], accepted: Jwt = JWT
) -> access.Case:
    good = keys.token("ann", issuer=accepted.issuer, audience=accepted.audience)

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], str]:
        return (200 if lets_in(request, good) else 401), {}, "{}"

    with gateway(answer) as here:
        return access.guarded(here, ORDERS, strangers(keys, accepted), bearer(good))


def test_a_route_that_lets_in_only_whom_it_knows_passes(keys: DevelopmentKeys) -> None:
    case = guarded(keys, lambda request, good: token_of(request) == good)
    assert (case.status, case.message) == ("passed", "")


def test_a_route_without_a_lock_is_found(keys: DevelopmentKeys) -> None:
    case = guarded(keys, lambda *_: True)
    assert case.status == "failed"
    assert "no token: 200" in case.message
    assert case.place == "blueprints/order.yaml:7"


@pytest.mark.parametrize(
    ("who", "lets_in"),
    [
        ("a token that somebody else signed", lambda token: token.count(".") == 2 and token[-1] != "."),
        ("a token without a signature", lambda token: token.endswith(".")),
        ("a token that is none", lambda token: token == "nexus"),
    ],
)
def test_a_lock_that_another_key_opens_is_found(
    keys: DevelopmentKeys, who: str, lets_in: Callable[[str], bool]
) -> None:
    case = guarded(keys, lambda request, good: token_of(request) == good or lets_in(token_of(request)))
    assert f"{who}: 200" in case.message


CHECKS = {
    "an expired token": lambda said: said["iss"] == Jwt().issuer and said["aud"] == "shop",
    "a token of another issuer": lambda said: said["exp"] > time.time() and said["aud"] == "shop",
    "a token for another audience": lambda said: said["exp"] > time.time() and said["iss"] == Jwt().issuer,
}


@pytest.mark.parametrize("who", CHECKS)
def test_a_lock_that_forgets_a_claim_is_found(keys: DevelopmentKeys, who: str) -> None:
    def lets_in(request: BaseHTTPRequestHandler, _: str) -> bool:
        try:
            token = jwt.decode(token_of(request), keys._key())
        except (JoseError, ValueError):
            return False
        return CHECKS[who](token.claims)

    case = guarded(keys, lets_in, Jwt(audience="shop"))
    assert case.message == f"answers {who}: 200"


def test_headers_that_name_a_user_are_no_token(keys: DevelopmentKeys) -> None:
    case = guarded(
        keys, lambda request, good: token_of(request) == good or request.headers.get("x-user-id") == "admin"
    )
    assert "no token, but headers that name a user: 200" in case.message


def test_another_spelling_of_the_path_is_no_way_around(keys: DevelopmentKeys) -> None:
    case = guarded(
        keys, lambda request, good: token_of(request) == good or not request.path.startswith("/orders")
    )
    assert "no token, %2e%2e in the path: 200" in case.message
    assert "no token, .. in the path: 200" in case.message


def test_a_service_that_reads_capitals_as_the_same_path_is_found(keys: DevelopmentKeys) -> None:
    case = guarded(keys, lambda request, good: token_of(request) == good or request.path == "/ORDERS")
    assert case.message == "answers no token, the path in capitals: 200"
    page = guarded(keys, lambda request, good: token_of(request) == good or request.path.isupper())
    assert page.status == "passed", "what is answered to every path is no way around"


def test_a_route_that_refuses_everybody_proves_nothing(keys: DevelopmentKeys) -> None:
    case = guarded(keys, lambda *_: False)
    assert case.message == "answers a valid token: 401, so the refusals prove nothing"


REFUNDS = Operation("order", "POST", "/refunds", "jwt", {}, roles=("staff", "owner"))


def asked_by_role(lets_in: Callable[[list[str], str], bool]) -> access.Case:
    """A gateway that decides by the roles of a token and by a header that anybody can send."""

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], str]:
        roles, said = json.loads(request.headers["x-test-roles"]), request.headers.get("x-user-roles", "")
        return (422 if lets_in(roles, said) else 403), {}, "{}"

    with gateway(answer) as here:
        return access.by_role(
            here, REFUNDS, ["admin", "owner", "staff"], lambda roles: {"x-test-roles": json.dumps([*roles])}
        )


@pytest.mark.parametrize(
    ("lets_in", "message"),
    [
        (lambda roles, _: {*roles} & {"staff", "owner"}, ""),
        (lambda roles, _: {*roles} & {"staff", "owner", "admin"}, "a token with other roles: 422"),
        (lambda roles, _: not roles or {*roles} & {"staff", "owner"}, "a token without a role: 422"),
        (
            lambda roles, _: any(role.startswith(("staff", "owner")) for role in roles),
            "a token with a role that begins like it: 422",
        ),
        (
            lambda roles, said: {*roles} & {"staff", "owner"} or "staff" in said,
            "a token with other roles, and a header that names it: 422",
        ),
        (
            lambda roles, _: "staff" in roles,
            "a token with the role owner: 403, so the refusals prove nothing",
        ),
    ],
)
def test_a_route_that_lets_in_a_wrong_role_is_found(
    lets_in: Callable[[list[str], str], bool], message: str
) -> None:
    case = asked_by_role(lets_in)
    assert case.message == (f"answers {message}" if message else "")
    assert case.status == ("failed" if message else "passed")
    assert case.name == "POST /refunds lets only those in who are staff or owner"


def test_capitals_are_no_way_around_a_role() -> None:
    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], str]:
        right = {"staff", "owner"} & {*json.loads(request.headers["x-test-roles"])}
        return (422 if right or request.path == "/REFUNDS" else 403), {}, "{}"

    with gateway(answer) as here:
        case = access.by_role(here, REFUNDS, [], lambda roles: {"x-test-roles": json.dumps([*roles])})
    assert case.message == "answers a token with other roles, the path in capitals: 422"


def test_a_second_route_is_no_way_around_a_lock(tmp_path: Path) -> None:
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "nexus.yaml").write_text(PLATFORM)
    (tmp_path / "blueprints" / "order.yaml").write_text(SERVICE)
    planned = operations(load(tmp_path))
    with gateway(lambda _: (200, {}, "{}")) as here:
        found = [access.free(here, one, planned) for one in planned if one.auth == "none"]
    failed = [(case.name, case.place, case.message) for case in found if case.status == "failed"]
    around = "answers 200 without a token to what POST /shop/orders (blueprints/order.yaml:9) locks"
    assert failed == [("POST /shop/orders is open, as its route says", "blueprints/order.yaml:8", around)]
    assert len(found) == 4  # what is read may be public


def test_what_nobody_described_is_found() -> None:
    with gateway(lambda request: (200 if request.path == "/metrics" else 404, {}, "")) as here:
        case = access.hidden(here, [ORDERS])
        assert (case.status, case.message) == ("failed", "GET /metrics: 200")


def test_a_header_that_is_missing_is_found() -> None:
    for missing in SAFE:
        headers = {name: value for name, value in SAFE.items() if name != missing}
        with gateway(lambda _, sent=headers: (404, sent, "")) as here:  # type: ignore[misc]
            first, *_ = edge.headers(here, {"a refusal": "/x"})
        assert first.status == "failed"
        assert missing in first.message


def test_answers_with_every_header_pass_and_shared_ones_do_not() -> None:
    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], str]:
        origin = request.headers.get("origin", "") if "shared" in request.path else ""
        return 200, {**SAFE, **({"access-control-allow-origin": origin} if origin else {})}, ""

    with gateway(answer) as here:
        assert [case.status for case in edge.headers(here, {"an answer": "/x"})] == ["passed", "passed"]
        *_, last = edge.headers(here, {"an answer": "/shared"})
    assert last.message.startswith("GET /shared: access-control-allow-origin: https://elsewhere.example")


def test_a_cookie_that_scripts_can_read_is_found() -> None:
    with gateway(lambda _: (200, {**SAFE, "set-cookie": "session=1; Path=/; SameSite=Lax"}, "")) as here:
        first, *_ = edge.headers(here, {"a page": "/"})
    assert first.message == "the cookie session is not HttpOnly"


def test_encryption_is_judged(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with gateway(lambda _: (200, SAFE, ""), context) as here:
        good = edge.encrypted(here.url, str(tmp_path / "ca.pem"))
        assert (good.status, good.message) == ("passed", "")
        untrusted = edge.encrypted(here.url, str(tmp_path / "other.pem"))
        assert "its certificate is not trusted" in untrusted.message
        first, *_ = edge.headers(here, {"an answer": "/"})
        assert first.message == "strict-transport-security is missing"


def test_old_encryption_is_found(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with gateway(lambda _: (200, SAFE, ""), context) as here:
        assert (
            edge.encrypted(here.url, str(tmp_path / "ca.pem")).message
            == "TLS 1.0 is spoken, TLS 1.1 is spoken"
        )


FIELD = {"name": "name", "type": "string", "optional": False, "default": None, "values": [], "target": None}
RESOURCE = {
    "name": "order",
    "plural": "orders",
    "operations": ["list", "create"],
    "fields": [FIELD],
    "states": {},
}
LIST = Operation("order", "GET", "/orders", "none", {}, RESOURCE, "list")
CREATE = Operation("order", "POST", "/orders", "none", {}, RESOURCE, "create")


def tried(operation: Operation, answer: Answering) -> access.Case:
    with gateway(answer) as here:
        return injection.withstands(here, operation, Items(here, [operation], {}), {})


def query(request: BaseHTTPRequestHandler) -> str:
    return unquote(urlsplit(request.path).query.partition("=")[2])


HOLES: Mapping[str, tuple[Answering, str]] = {
    "an error": (
        lambda r: (500 if "'" in query(r) else 200, {}, ""),
        "SQL that is always true in the parameter limit: 500",
    ),
    "a message of the database": (
        lambda r: (400, {}, "syntax error at or near" if "UNION" in query(r) else ""),
        "SQL that unites in the parameter limit: the answer shows the inside: syntax error at or near",
    ),
    "a template that runs": (
        lambda r: (200, {}, "50337" if "{{7*7191}}" in query(r) else ""),
        "a template in the parameter limit: it was worked out",
    ),
    "a file": (
        lambda r: (200, {}, "root:x:0:0:root" if "etc/passwd" in query(r) else ""),
        "a path in the parameter limit: the answer shows the inside: root:x:0:0:",
    ),
    "an echo": (
        lambda r: (200, {"content-type": "text/html"}, f"<p>{query(r)}</p>"),
        "a script in the parameter limit: the answer repeats it",
    ),
    "a header": (
        lambda r: (200, {"x-nexus-injected": "yes"} if "\r\n" in query(r) else {}, ""),
        "a line break in the parameter limit: it became a header of the answer",
    ),
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_is_found(hole: str) -> None:
    answer, message = HOLES[hole]
    case = tried(LIST, answer)
    assert case.status == "failed"
    assert case.message.startswith(message)


def test_sql_that_runs_is_found_by_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(injection, "_SLEEP", 0.2)

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], str]:
        if "pg_sleep" in parse_qs(urlsplit(request.path).query).get("sort", [""])[0]:
            time.sleep(0.25)
        return 200, {}, ""

    case = tried(LIST, answer)
    assert "SQL that waits in the parameter sort: the answer took 0." in case.detail


def test_what_only_stores_text_withstands() -> None:
    stored: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], str]:
        if request.command == "DELETE":
            stored.remove(request.path.rpartition("/")[2])
            return 204, {}, ""
        stored.append(str(len(stored)))
        return 201, {"content-type": "application/json"}, json.dumps({"id": stored[-1]})

    with gateway(answer) as here:
        operation = Operation(
            "order", "POST", "/orders", "none", {}, {**RESOURCE, "operations": ["create", "delete"]}, "create"
        )
        items = Items(here, [operation], {})
        assert injection.withstands(here, operation, items, {}).status == "passed"
        assert stored
        items.remove()
    assert stored == []


def test_a_broken_body_is_an_attempt() -> None:
    wheres = {attempt.where for attempt in injection.attempts(CREATE, "", {"name": "x"})}
    assert wheres == {"the field name", "the body"}


def tenants_kept_apart(leak: str = "") -> access.Case:
    """A gateway whose orders belong to tenants, with one way for others to reach them."""
    owners: dict[str, str] = {}

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, Mapping[str, str], str]:
        tenant, identifier = request.headers.get("x-test-tenant", ""), request.path.rpartition("/")[2]
        if not tenant and leak != "nobody":
            return 403, {}, ""
        if request.command == "POST":
            owners["order-1"] = tenant
            return 201, {"content-type": "application/json"}, '{"id": "order-1"}'
        if identifier == "orders":
            return (
                200,
                {},
                json.dumps([one for one, owner in owners.items() if owner == tenant or leak == "GET"]),
            )
        mine = owners.get(identifier) == tenant or leak == request.command
        return (200 if mine else 404), {}, ""

    operations_ = ["list", "get", "create", "delete"]
    resource = {**RESOURCE, "tenant": True, "operations": operations_}
    methods = {"list": "GET", "get": "GET", "create": "POST", "delete": "DELETE"}
    planned = [
        Operation(
            "order",
            methods[does],
            "/orders" + "/{id}" * (does in {"get", "delete"}),
            "jwt",
            {},
            resource,
            does,
        )
        for does in operations_
    ]
    with gateway(answer) as here:
        (case,) = tenants.cases(here, planned, lambda tenant: {"x-test-tenant": tenant} if tenant else {})
    return case


def test_tenants_that_are_kept_apart_pass() -> None:
    assert (tenants_kept_apart().status, tenants_kept_apart().message) == ("passed", "")


@pytest.mark.parametrize(
    ("leak", "message"),
    [
        ("GET", "answers GET /orders by another tenant: 200, GET /orders/{id} by another tenant: 200"),
        ("DELETE", "answers DELETE /orders/{id} by another tenant: 200"),
        ("nobody", "answers GET /orders by nobody's tenant: 200"),
    ],
)
def test_what_another_tenant_reaches_is_found(leak: str, message: str) -> None:
    case = tenants_kept_apart(leak)
    assert case.status == "failed"
    assert case.message.startswith(message)


PLATFORM = 'nexus: v1\nkind: platform\nname: shop\ninclude: [blueprints/*.yaml, "catalogue:gateway"]\n'
SERVICE = """\
nexus: v1
kind: service
name: order
port: 8021
routes:
  - {path: /shop/orders, rewrite: /api/v1/orders, auth: jwt}
  - {path: /shop/orders/public, auth: none, methods: [GET]}
  - {path: /shop/orders, rewrite: /api/v1/orders, auth: none, version: v2}
  - {path: /shop/orders, rewrite: /api/v1/orders, methods: [POST], roles: [staff]}
resources:
  order: {fields: {name: string}, operations: [list, get, create]}
"""


def test_every_operation_is_planned_by_the_route_that_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "nexus.yaml").write_text(PLATFORM)
    (tmp_path / "blueprints" / "order.yaml").write_text(SERVICE)
    planned = operations(load(tmp_path))
    assert [(one.name, one.auth, dict(one.headers), one.line) for one in planned] == [
        ("GET /shop/orders", "jwt", {}, 6),
        ("GET /shop/orders/{id}", "jwt", {}, 6),
        ("GET /shop/orders/public", "none", {}, 7),
        ("GET /shop/orders", "none", {"x-api-version": "v2"}, 8),
        ("GET /shop/orders/{id}", "none", {"x-api-version": "v2"}, 8),
        ("POST /shop/orders", "none", {"x-api-version": "v2"}, 8),
        ("POST /shop/orders", "jwt", {}, 9),
    ]
    assert [one.roles for one in planned] == [()] * 6 + [("staff",)]
