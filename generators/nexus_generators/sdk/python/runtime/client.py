"""Sends operations: builds requests, tries again where that is safe, and reads answers."""

from __future__ import annotations

import asyncio
import email.utils
import random
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
import pydantic

from . import auth, encode, errors, telemetry
from .operation import Answer, Operation, validated
from .paging import AsyncPages, Pages, Paging
from .stream import AsyncStream, Stream

T = TypeVar("T")
_AGAIN = {408, 409, 429}
_NEEDS_KEY = {"POST", "PATCH"}
_SHOWN = 300
_MOST_REDIRECTS = 20


@dataclass(frozen=True)
class Retry:
    """How often a request is sent again, and how long all of that may take, in seconds."""

    retries: int = 2
    first_pause: float = 0.5
    longest_pause: float = 8.0
    budget: float = 60.0

    def pause(self, tries: int) -> float:
        """The pause before another try, with jitter."""
        return min(self.first_pause * 2.0**tries, self.longest_pause) * (0.75 + random.random() / 4)  # noqa: S311


@dataclass(frozen=True)
class Hooks:
    """Functions that see every request before it is sent and every answer; for logs, signatures and tests."""

    request: tuple[Callable[[httpx2.Request], None], ...] = ()
    response: tuple[Callable[[httpx2.Response], None], ...] = ()


@dataclass(frozen=True)
class Options:
    """What one call does differently."""

    timeout: float | None = None
    retry: Retry | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    server: str | None = None


@dataclass(frozen=True)
class Reply(Generic[T]):
    """A result with what it came with."""

    status: int
    headers: httpx2.Headers
    content: bytes
    data: T


@dataclass(frozen=True)
class Config:
    """What all calls of a client have in common."""

    server: str
    user_agent: str
    schemes: Mapping[str, auth.Scheme]
    credentials: Mapping[str, auth.Credential]
    timeout: float
    retry: Retry
    headers: Mapping[str, str]
    hooks: Hooks


@dataclass(frozen=True)
class Call:
    """An operation with what it is called with; the idempotency key stays the same across retries."""

    operation: Operation[Any]
    given: Mapping[tuple[str, str], Any]
    body: Any
    media: str | None
    options: Options
    key: str | None
    url: str | None = None

    def at(self, url: str) -> Call:
        """The same call at another address, such as that of the next page."""
        return replace(self, url=url)

    def with_query(self, name: str, value: Any) -> Call:
        """The same call with another query parameter."""
        return replace(self, given={**self.given, ("query", name): value})


def call_of(
    operation: Operation[Any],
    given: Mapping[tuple[str, str], Any],
    body: Any,
    media: str | None,
    options: Options | None,
) -> Call:
    """A call, with a new idempotency key where sending twice could do harm."""
    chosen = options or Options()
    key = chosen.idempotency_key or (str(uuid.uuid4()) if operation.method in _NEEDS_KEY else None)
    return Call(operation, given, body, media, chosen, key)


_KEPT: ContextVar[list[Reply[Any]] | None] = ContextVar("kept", default=None)
"""Where `raw` finds the answers of the call that it makes."""


def _keep(reply: Reply[Any]) -> None:
    kept = _KEPT.get()
    if kept is not None:
        kept.append(reply)


def _last(kept: list[Reply[Any]]) -> Reply[Any]:
    if not kept:
        raise TypeError("raw takes a call that returns its data: not a stream, and not pages")
    return kept[-1]


class _Base:
    """What both clients share: everything but waiting."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def _address(self, call: Call, path: str) -> str:
        server = call.options.server or call.operation.server or self.config.server
        server = urljoin(self.config.server, server) if "://" not in server else server
        if call.url is None:
            return server.rstrip("/") + path
        return urljoin(server.rstrip("/") + path, call.url)

    def _request(self, call: Call, tokens: Mapping[str, str], tries: int) -> dict[str, Any]:
        """The request's method, address, headers and body, as httpx2 takes them."""
        path, headers = encode.target(call.operation, call.given)
        url = self._address(call, path)
        query: list[str] = []
        if _origin(url) == _origin(self._address(replace(call, url=None), path)):
            for name in auth.chosen(call.operation.security, self.config.credentials):
                credential = self.config.credentials[name]
                auth.apply(self.config.schemes[name], credential, tokens.get(name), headers, query)
        if query:
            url += ("&" if "?" in url else "?") + "&".join(query)
        made: dict[str, Any] = {"method": call.operation.method, "url": url}
        if call.body is not None:
            bodies = call.operation.bodies
            spec = next((b for b in bodies if b.media == call.media), bodies[0])
            more, content, files = encode.body(spec, call.body)
            headers |= more
            made |= {"files": files} if files is not None else {"content": content}
        headers = {"Accept": call.operation.accept, "User-Agent": self.config.user_agent, **headers}
        if call.key:
            headers["Idempotency-Key"] = call.key
        if tries:
            headers["X-Retry-Count"] = str(tries)
        headers |= {**self.config.headers, **call.options.headers}
        telemetry.inject(headers)
        timeout = call.options.timeout if call.options.timeout is not None else self.config.timeout
        return {**made, "headers": headers, "timeout": timeout}

    def _pause(self, call: Call, tries: int, began: float, response: httpx2.Response | None) -> float | None:
        """How long to wait before another try; None when there is to be none."""
        retry = call.options.retry or self.config.retry
        if tries >= retry.retries:
            return None
        pause = retry.pause(tries)
        if response is not None:
            if response.status_code not in _AGAIN and response.status_code < 500:
                return None
            asked = _retry_after(response.headers)
            pause = pause if asked is None else asked
        return pause if time.monotonic() - began + pause <= retry.budget else None

    def _tokens_needed(self, call: Call) -> list[tuple[str, auth.ClientCredentials]]:
        names = auth.chosen(call.operation.security, self.config.credentials)
        found = [(name, self.config.credentials[name]) for name in names]
        return [(name, one) for name, one in found if isinstance(one, auth.ClientCredentials)]

    def _token_request(self, name: str, credential: auth.ClientCredentials) -> dict[str, Any]:
        """The request for a token; an address without a host is one of the server's."""
        url, headers, form = credential.request(self.config.schemes[name].token_url)
        return {"url": urljoin(self.config.server, url), "headers": headers, "data": form}

    def _following(self, response: httpx2.Response, steps: int) -> httpx2.Request | None:
        """The request that a redirect asks for; another origin gets no credentials."""
        following = response.next_request
        if following is None:
            return None
        if steps >= _MOST_REDIRECTS:
            raise errors.APIConnectionError(f"{response.url}: more than {_MOST_REDIRECTS} redirects")
        if _origin(str(following.url)) != _origin(str(response.request.url)):
            secret = {one.name for one in self.config.schemes.values() if one.location == "header"}
            for name in ("Authorization", "Cookie", *secret):
                following.headers.pop(name, None)
        return following

    def _answer(self, call: Call, response: httpx2.Response) -> Answer | None:
        return call.operation.answer(response.status_code, response.headers.get("content-type", ""))

    def _read(self, call: Call, response: httpx2.Response) -> Reply[Any]:
        """The answer in its type; an error of the status' class when it is one."""
        answer = self._answer(call, response)
        status, content = response.status_code, response.content
        if status >= 400:
            body = _error_body(answer, response)
            shown = response.text[:_SHOWN]
            raise errors.of_status(status)(
                f"{call.operation.method} {call.operation.path}: {status} {shown}".rstrip(),
                status=status,
                body=body,
                headers=response.headers,
            )
        return Reply(status, response.headers, content, _data(call, answer, response))


def _item(call: Call, answer: Answer | None, response: httpx2.Response) -> Callable[[str], Any]:
    """Reads the items of a stream."""

    def read(data: str) -> Any:
        if answer is None:
            return data
        try:
            return validated(answer, data)
        except pydantic.ValidationError as error:
            raise _undocumented(call, response, data.encode(), error) from error

    return read


def _undocumented(
    call: Call, response: httpx2.Response, content: bytes, error: Exception
) -> errors.InvalidResponseError:
    return errors.InvalidResponseError(
        f"{call.operation.method} {call.operation.path}: the answer is not as documented: {error}",
        status=response.status_code,
        content=content,
    )


def _data(call: Call, answer: Answer | None, response: httpx2.Response) -> Any:
    content = response.content
    if answer is None or answer.kind == "none":
        return None
    if answer.kind == "text":
        return response.text
    if answer.kind != "json":
        return content
    if not content and response.status_code in {202, 204, 205, 304}:
        return None
    try:
        return validated(answer, content)
    except pydantic.ValidationError as error:
        raise _undocumented(call, response, content, error) from error


def _error_body(answer: Answer | None, response: httpx2.Response) -> Any:
    if answer is not None and answer.kind == "json":
        try:
            return validated(answer, response.content)
        except pydantic.ValidationError:
            pass
    try:
        return response.json()
    except ValueError:
        return response.text


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """What the API asks to wait, in seconds."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        said = headers.get("retry-after")
        if said is None:
            return None
        if said.strip().replace(".", "", 1).isdigit():
            return float(said)
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def _failed(call: Call, error: httpx2.TransportError) -> errors.APIConnectionError:
    kind = errors.APITimeoutError if isinstance(error, httpx2.TimeoutException) else errors.APIConnectionError
    return kind(f"{call.operation.method} {call.operation.path}: {error or type(error).__name__}")


class Core(_Base):
    """Sends and waits."""

    def __init__(self, config: Config, http: httpx2.Client | None) -> None:
        super().__init__(config)
        self.http = http or httpx2.Client(follow_redirects=True)
        self._owned = http is None
        self._lock = threading.Lock()

    def send(self, operation: Operation[T], given: Mapping[tuple[str, str], Any], body: Any = None,
             media: str | None = None, options: Options | None = None) -> T:  # fmt: skip
        """Call an operation."""
        reply: Reply[T] = self.reply(call_of(operation, given, body, media, options))
        _keep(reply)
        return reply.data

    def raw(self, call: Callable[[], T]) -> Reply[T]:
        """What a call answers, with status, headers and content."""
        kept: list[Reply[Any]] = []
        before = _KEPT.set(kept)
        try:
            data = call()
        finally:
            _KEPT.reset(before)
        return replace(_last(kept), data=data)

    def pages(self, operation: Operation[Any], paging: Paging, given: Mapping[tuple[str, str], Any],
              options: Options | None = None) -> Pages[Any]:  # fmt: skip
        """Every item of every page."""
        return Pages(self, call_of(operation, given, None, None, options), paging)

    def stream(self, operation: Operation[Any], given: Mapping[tuple[str, str], Any],
               body: Any = None, media: str | None = None,
               options: Options | None = None) -> Stream[Any]:  # fmt: skip
        """The items of an answer as they come."""
        call = call_of(operation, given, body, media, options)
        response = self._exchange(call, stream=True)
        answer = self._answer(call, response)
        if response.status_code >= 400 or answer is None:
            response.read()
            self._read(call, response)
        return Stream(response, _item(call, answer, response), kind=answer.kind if answer else "jsonl")

    def reply(self, call: Call) -> Reply[Any]:
        """Call, and read the whole answer."""
        return self._read(call, self._exchange(call))

    def _exchange(self, call: Call, *, stream: bool = False) -> httpx2.Response:
        began, tries, renewed = time.monotonic(), 0, False
        with telemetry.span(self.config.user_agent, call.operation.method, call.operation.path) as current:
            while True:
                response: httpx2.Response | None = None
                failure: httpx2.TransportError | None = None
                try:
                    request = self.http.build_request(**self._request(call, self._tokens(call), tries))
                    for see in self.config.hooks.request:
                        see(request)
                    response = self._sent(request, stream=stream)
                    for look in self.config.hooks.response:
                        look(response)
                except httpx2.TransportError as error:
                    failure = error
                if response is not None and response.status_code == 401 and not renewed:
                    needed = self._tokens_needed(call)
                    if needed:
                        renewed = True
                        for _, one in needed:
                            one.forget()
                        response.close()
                        continue
                pause = self._pause(call, tries, began, response)
                if pause is None:
                    if response is None:
                        raise _failed(call, failure or httpx2.TransportError("no answer")) from failure
                    telemetry.answered(current, response.status_code, tries)
                    return response
                if response is not None:
                    response.close()
                time.sleep(pause)
                tries += 1

    def _sent(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        for steps in range(_MOST_REDIRECTS + 1):
            response = self.http.send(request, stream=stream, follow_redirects=False)
            following = self._following(response, steps) if self.http.follow_redirects else None
            if following is None:
                break
            response.close()
            request = following
        return response

    def _tokens(self, call: Call) -> dict[str, str]:
        tokens = {}
        for name, credential in self._tokens_needed(call):
            with self._lock:
                token = credential.token()
                if token is None:
                    answer = self.http.post(**self._token_request(name, credential))
                    token = credential.accept(_token_of(answer))
                tokens[name] = token
        return tokens

    def close(self) -> None:
        """Close the connections, unless they belong to a client that was given."""
        if self._owned:
            self.http.close()


def _token_of(answer: httpx2.Response) -> dict[str, Any]:
    if answer.status_code >= 400:
        raise errors.of_status(answer.status_code)(
            f"no access token: {answer.status_code} {answer.text[:_SHOWN]}",
            status=answer.status_code,
            body=answer.text,
            headers=answer.headers,
        )
    try:
        found: Any = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("access_token"), str):
        raise errors.InvalidResponseError(
            "no access token: the answer has none", status=answer.status_code, content=answer.content
        )
    return found


class AsyncCore(_Base):
    """Sends and awaits."""

    def __init__(self, config: Config, http: httpx2.AsyncClient | None) -> None:
        super().__init__(config)
        self.http = http or httpx2.AsyncClient(follow_redirects=True)
        self._owned = http is None
        self._lock = asyncio.Lock()

    async def send(self, operation: Operation[T], given: Mapping[tuple[str, str], Any], body: Any = None,
                   media: str | None = None, options: Options | None = None) -> T:  # fmt: skip
        """Call an operation."""
        reply: Reply[T] = await self.reply(call_of(operation, given, body, media, options))
        _keep(reply)
        return reply.data

    async def raw(self, call: Callable[[], Awaitable[T]]) -> Reply[T]:
        """What a call answers, with status, headers and content."""
        kept: list[Reply[Any]] = []
        before = _KEPT.set(kept)
        try:
            data = await call()
        finally:
            _KEPT.reset(before)
        return replace(_last(kept), data=data)

    def pages(self, operation: Operation[Any], paging: Paging, given: Mapping[tuple[str, str], Any],
              options: Options | None = None) -> AsyncPages[Any]:  # fmt: skip
        """Every item of every page."""
        return AsyncPages(self, call_of(operation, given, None, None, options), paging)

    async def stream(self, operation: Operation[Any], given: Mapping[tuple[str, str], Any],
                     body: Any = None, media: str | None = None,
                     options: Options | None = None) -> AsyncStream[Any]:  # fmt: skip
        """The items of an answer as they come."""
        call = call_of(operation, given, body, media, options)
        response = await self._exchange(call, stream=True)
        answer = self._answer(call, response)
        if response.status_code >= 400 or answer is None:
            await response.aread()
            self._read(call, response)
        return AsyncStream(response, _item(call, answer, response), kind=answer.kind if answer else "jsonl")

    async def reply(self, call: Call) -> Reply[Any]:
        """Call, and read the whole answer."""
        return self._read(call, await self._exchange(call))

    async def _exchange(self, call: Call, *, stream: bool = False) -> httpx2.Response:
        began, tries, renewed = time.monotonic(), 0, False
        with telemetry.span(self.config.user_agent, call.operation.method, call.operation.path) as current:
            while True:
                response: httpx2.Response | None = None
                failure: httpx2.TransportError | None = None
                try:
                    tokens = await self._tokens(call)
                    request = self.http.build_request(**self._request(call, tokens, tries))
                    for see in self.config.hooks.request:
                        see(request)
                    response = await self._sent(request, stream=stream)
                    for look in self.config.hooks.response:
                        look(response)
                except httpx2.TransportError as error:
                    failure = error
                if response is not None and response.status_code == 401 and not renewed:
                    needed = self._tokens_needed(call)
                    if needed:
                        renewed = True
                        for _, one in needed:
                            one.forget()
                        await response.aclose()
                        continue
                pause = self._pause(call, tries, began, response)
                if pause is None:
                    if response is None:
                        raise _failed(call, failure or httpx2.TransportError("no answer")) from failure
                    telemetry.answered(current, response.status_code, tries)
                    return response
                if response is not None:
                    await response.aclose()
                await asyncio.sleep(pause)
                tries += 1

    async def _sent(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        for steps in range(_MOST_REDIRECTS + 1):
            response = await self.http.send(request, stream=stream, follow_redirects=False)
            following = self._following(response, steps) if self.http.follow_redirects else None
            if following is None:
                break
            await response.aclose()
            request = following
        return response

    async def _tokens(self, call: Call) -> dict[str, str]:
        tokens = {}
        for name, credential in self._tokens_needed(call):
            async with self._lock:
                token = credential.token()
                if token is None:
                    answer = await self.http.post(**self._token_request(name, credential))
                    token = credential.accept(_token_of(answer))
                tokens[name] = token
        return tokens

    async def close(self) -> None:
        """Close the connections, unless they belong to a client that was given."""
        if self._owned:
            await self.http.aclose()
