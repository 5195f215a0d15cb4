"""The platform as its users see it: one function that asks the gateway."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

CONFIG = Path(__file__).parent.parent / "config" / "platform.json"


def address(environment: str = "development") -> str:
    """The gateway's address: GATEWAY_URL, else what tests/config/platform.json says."""
    return os.environ.get("GATEWAY_URL") or json.loads(CONFIG.read_text())[environment]["gateway"]


def ask(path: str, *, method: str = "GET", token: str | None = None, timeout: float = 5) -> tuple[int, bytes]:
    """Status and body of an answer, also when the status is an error."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    request = Request(address() + path, method=method, headers=headers)
    try:
        with urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()
