"""Policies in Rego: decided by an OPA server, or in this process where none runs."""

import json
import re
from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol

from regopy import Interpreter, RegoError

_PATH = re.compile(r"\w+(/\w+)*")


class PolicyError(Exception):
    """A policy that cannot be read, or a server that does not decide."""


class Policies(Protocol):
    """Decides; what no policy says anything about is None, which allows nothing."""

    async def decide(self, path: str, asked: Any) -> Any:
        """Answer for `shop/orders/allow` what the policies say of what is asked."""


class LocalPolicies:
    """Policies of this process: modules by name, and the data that they look at."""

    def __init__(self, modules: Mapping[str, str], data: Mapping[str, Any] | None = None) -> None:
        self._interpreter = Interpreter()
        self._one = Lock()
        try:
            for name, text in modules.items():
                self._interpreter.add_module(name, text)
            if data:
                self._interpreter.add_data_json(json.dumps(data))
        except RegoError as error:
            raise PolicyError(str(error)) from error

    async def decide(self, path: str, asked: Any) -> Any:
        """Answer from the modules."""
        _refuse_other(path)
        with self._one:
            self._interpreter.set_input(asked)
            try:
                output = str(self._interpreter.query(f"decided = data.{path.replace('/', '.')}"))
            except RegoError as error:
                raise PolicyError(str(error)) from error
        if output == "undefined":
            return None
        return json.loads(output)["bindings"]["decided"]


class OpaPolicies:
    """Policies of an OPA server, by its REST interface."""

    def __init__(self, url: str, *, token: str | None = None, seconds: float = 2) -> None:
        import httpx2  # noqa: PLC0415

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx2.AsyncClient(base_url=url, headers=headers, timeout=seconds)
        self._failures = (httpx2.HTTPError, ValueError)

    async def decide(self, path: str, asked: Any) -> Any:
        """Answer what the server says."""
        _refuse_other(path)
        try:
            answer = await self._client.post(f"/v1/data/{path}", json={"input": asked})
            said = answer.raise_for_status().json()
        except self._failures as error:
            message = f"no decision on {path}: {type(error).__name__}"
            raise PolicyError(message) from error
        if not isinstance(said, dict):
            message = f"no decision on {path}: the answer is no object"
            raise PolicyError(message)
        return said.get("result")

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()


def _refuse_other(path: str) -> None:
    if not _PATH.fullmatch(path):
        message = f"{path!r} is not the path of a rule"
        raise PolicyError(message)
