"""What every answer of the gateway carries, and how its connections are encrypted."""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from nexus_cli.conformance.service import Answer
from nexus_cli.testing.asking import Gateway
from nexus_cli.testing.case import Case

KIND = "security"
_ELSEWHERE = "https://elsewhere.example"
_FRAMES = "frame-ancestors"
_SOON = 14  # days before its end in which a certificate should have been renewed
_SECONDS = 10.0
_OLD = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}
_TELLTALE = ("server", "x-powered-by", "x-aspnet-version", "x-runtime")


def header_faults(answer: Answer, *, https: bool) -> list[str]:
    """Which headers an answer lacks, and which it should not have."""
    said = answer.headers
    policy = said.get("content-security-policy", "")
    faults = []
    if said.get("x-content-type-options", "").lower() != "nosniff":
        faults.append("x-content-type-options: nosniff is missing")
    if not policy:
        faults.append("content-security-policy is missing")
    if _FRAMES not in policy and said.get("x-frame-options", "").upper() not in {"DENY", "SAMEORIGIN"}:
        faults.append(f"x-frame-options, or {_FRAMES} in the content-security-policy, is missing")
    if "referrer-policy" not in said:
        faults.append("referrer-policy is missing")
    if https and "max-age=" not in said.get("strict-transport-security", ""):
        faults.append("strict-transport-security is missing")
    faults += [
        f"{name} tells what runs here" for name in _TELLTALE if any(map(str.isdigit, said.get(name, "")))
    ]
    return faults + _cookie_faults(said.get("set-cookie", ""), https=https)


def _cookie_faults(cookie: str, *, https: bool) -> list[str]:
    if not cookie:
        return []
    name, _, rest = cookie.partition("=")
    attributes = {part.strip().partition("=")[0].lower() for part in rest.split(";")[1:]}
    wanted = {"httponly": "HttpOnly", "samesite": "SameSite", **({"secure": "Secure"} if https else {})}
    return [f"the cookie {name} is not {say}" for key, say in wanted.items() if key not in attributes]


def headers(gateway: Gateway, paths: Mapping[str, str]) -> Iterator[Case]:
    """The headers of answers, by what they are answers to, and what scripts of other sites may read."""
    for what, path in paths.items():
        began = time.monotonic()
        faults = header_faults(gateway.ask("GET", path), https=gateway.https)
        yield _case(f"{what} carries the headers that protect browsers", began, faults)
    began = time.monotonic()
    faults = [
        f"{method} {path}: {said}"
        for path in paths.values()
        for method in ("GET", "OPTIONS")
        if (said := _shared(gateway.ask(method, path, None, _CROSS)))
    ]
    yield _case("scripts of other sites may not read answers", began, faults)


_CROSS = {"origin": _ELSEWHERE, "access-control-request-method": "DELETE"}


def _shared(answer: Answer) -> str:
    """What is wrong with how an answer is shared with another site."""
    origin = answer.headers.get("access-control-allow-origin", "")
    credentials = answer.headers.get("access-control-allow-credentials", "").lower() == "true"
    if origin == _ELSEWHERE or (origin in {"*", "null"} and credentials):
        return f"access-control-allow-origin: {origin}" + (" with credentials" if credentials else "")
    return ""


def encrypted(url: str, trusted: str | None = None) -> Case:
    """How the connections to an address are encrypted; `trusted` is a file of certificates to go by."""
    began = time.monotonic()
    parts = urlsplit(url)
    name = f"connections to {parts.netloc} are encrypted well"
    place = (parts.hostname or "", parts.port or 443)
    try:
        faults = [*_certificate_faults(place, trusted), *_old_versions(place)]
    except OSError as error:
        return Case(KIND, "platform", name, "error", time.monotonic() - began, f"{url}: {error}")
    return _case(name, began, faults)


def _certificate_faults(place: tuple[str, int], trusted: str | None) -> Iterator[str]:
    context = ssl.create_default_context(cafile=trusted)
    try:
        with (
            socket.create_connection(place, _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=place[0]) as wrapped,
        ):
            until = (wrapped.getpeercert() or {}).get("notAfter")
    except ssl.SSLCertVerificationError as error:
        yield f"its certificate is not trusted: {error.verify_message}"
        return
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(until)), UTC)
    left = (ends - datetime.now(UTC)).days
    if left < _SOON:
        yield f"its certificate ends in {left} days"


def _old_versions(place: tuple[str, int]) -> Iterator[str]:
    for name, version in _OLD.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # that is the question
            context.minimum_version = context.maximum_version = version
        try:
            with socket.create_connection(place, _SECONDS) as plain, context.wrap_socket(plain):
                yield f"{name} is spoken"
        except ssl.SSLError:
            continue  # refused, as it should be


def _case(name: str, began: float, faults: list[str]) -> Case:
    seconds = time.monotonic() - began
    return Case(KIND, "platform", name, "failed" if faults else "passed", seconds, ", ".join(faults))
