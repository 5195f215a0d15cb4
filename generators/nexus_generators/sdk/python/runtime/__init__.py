"""What every operation of the client stands on: requests, retries, errors, paging and streams."""

from typing_extensions import deprecated

from .auth import Basic, ClientCredentials, Credential, Secret
from .client import AsyncCore, Config, Core, Hooks, Options, Reply, Retry
from .errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnprocessableEntityError,
)
from .model import File, Model, OpenIntEnum, OpenStrEnum, Upload, by_discriminator, wire
from .operation import Answer, Body, Operation, Parameter
from .paging import AsyncPages, Pages, Paging
from .stream import AsyncStream, Stream

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "Answer",
    "AsyncCore",
    "AsyncPages",
    "AsyncStream",
    "AuthenticationError",
    "BadRequestError",
    "Basic",
    "Body",
    "ClientCredentials",
    "Config",
    "ConflictError",
    "Core",
    "Credential",
    "File",
    "Hooks",
    "InvalidResponseError",
    "Model",
    "NotFoundError",
    "OpenIntEnum",
    "OpenStrEnum",
    "Operation",
    "Options",
    "Pages",
    "Paging",
    "Parameter",
    "PermissionDeniedError",
    "RateLimitError",
    "Reply",
    "Retry",
    "Secret",
    "ServerError",
    "Stream",
    "UnprocessableEntityError",
    "Upload",
    "by_discriminator",
    "deprecated",
    "wire",
]
