"""What can go wrong: a class for each kind, with the answer's body in the documented type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class APIError(Exception):
    """Everything that this client raises."""


class APIConnectionError(APIError):
    """There was no answer."""


class APITimeoutError(APIConnectionError):
    """There was no answer in time."""


class InvalidResponseError(APIError):
    """The answer is not what the API documents; `content` is what came."""

    def __init__(self, message: str, *, status: int, content: bytes) -> None:
        super().__init__(message)
        self.status = status
        self.content = content


class APIStatusError(APIError):
    """The API answered with an error; `body` has the documented type, or is what came."""

    def __init__(self, message: str, *, status: int, body: Any, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.headers = headers

    @property
    def request_id(self) -> str | None:
        """How the API names the request, if it does."""
        return self.headers.get("x-request-id") or self.headers.get("request-id")

    def body_as(self, type_: type[T]) -> T:
        """The body, if it is of that type; a TypeError otherwise."""
        if not isinstance(self.body, type_):
            raise TypeError(f"the body is a {type(self.body).__name__}, not a {type_.__name__}")
        return self.body


class BadRequestError(APIStatusError):
    """400: the request is wrong."""


class AuthenticationError(APIStatusError):
    """401: credentials are missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403: the credentials are not enough."""


class NotFoundError(APIStatusError):
    """404: there is no such thing."""


class ConflictError(APIStatusError):
    """409: it contradicts what is there."""


class UnprocessableEntityError(APIStatusError):
    """422: understood, and refused."""


class RateLimitError(APIStatusError):
    """429: too many requests."""


class ServerError(APIStatusError):
    """5xx: the fault is the API's."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def of_status(status: int) -> type[APIStatusError]:
    """The class of a status."""
    return _BY_STATUS.get(status, ServerError if status >= 500 else APIStatusError)
