"""Telling a team what became of a deployment: a web hook that takes `{"text": …}`, as Slack's does.

The hook's address is a secret: whoever has it can write there. It is never shown, also not in a fault.
"""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from nexus_cli.errors import NexusError
from nexus_cli.events import Emit, Note

if TYPE_CHECKING:
    from nexus_cli.release.deploy import Intent, Result
    from nexus_cli.release.estate import Estate

_TIMEOUT = 5.0
_MARKS = {"succeeded": "\u2705", "paused": "\u23f8"}
_FAILED = "\u274c"


def told(intent: Intent, result: Result, over: tuple[str, ...], who: str) -> str:
    """What is said of a deployment, in the markup of Slack."""
    mark = _MARKS.get(result.outcome, _FAILED)
    services = f" ({', '.join(intent.services)})" if intent.services else ""
    what = f"*{intent.action}* {intent.version}{services} in *{intent.estate.title}*"
    lines = [f"{mark} {what}: {result.outcome} after {result.seconds:.1f} s, by {who}"]
    lines += [f"reason: {intent.reason}"] if intent.reason else []
    lines += [f"why: {result.why}"] if result.why else []
    lines += [f"in spite of: {rule}" for rule in over]
    return _escaped("\n".join(lines))


def notify(estate: Estate, text: str, emit: Emit) -> None:
    """Send the text to the environment's web hook, if it has one; what goes wrong there is a warning."""
    name = estate.described.notify
    if name is None:
        return
    try:
        fault = _sent(address(estate, name), text)
    except NexusError as error:
        fault = error.message
    if fault:
        emit(Note(f"nobody was told: {fault}", "warning", f"see the secret {name} of {estate.name}"))


def address(estate: Estate, name: str) -> str:
    """The web hook's address, from where the environment's secrets come from."""
    from nexus_cli.secrets import providers

    source = estate.described.secrets
    kind = "env" if source.provider == "generated" else source.provider  # an address cannot be made up
    return providers.PROVIDERS[kind](estate.folder, {name}, source.path).get(name, "")


def _sent(url: str, text: str) -> str:
    """Send it; says what went wrong, in words that do not hold the address."""
    if not url:
        return "the secret has no value"
    try:
        if urlsplit(url).scheme not in {"http", "https"}:
            return "the secret is no address of a web hook"
        body = json.dumps({"text": text}).encode()
        request = Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
        with urlopen(request, timeout=_TIMEOUT):  # noqa: S310 - only http and https come here
            return ""
    except HTTPError as error:
        return f"the web hook answered {error.code}"
    except URLError as error:
        reason = error.reason
        return f"the web hook does not answer: {getattr(reason, 'strerror', None) or type(reason).__name__}"
    except (ValueError, http.client.HTTPException, OSError) as error:
        return f"the web hook does not answer: {type(error).__name__}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
