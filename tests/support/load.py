"""Clients that ask a gateway at a constant rate, whatever it answers, and remember every answer."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent, when it was over, its status (0: no answer) and what was said."""

    sent: float
    over: float
    status: int
    said: str
    what: str


@dataclass
class Load:
    """What was asked and answered so far."""

    port: int
    host: str = "127.0.0.1"
    answers: list[Answer] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def failures(self, since: float = 0.0) -> list[Answer]:
        """Requests without a good answer."""
        return [answer for answer in list(self.answers) if answer.status != 200 and answer.sent >= since]

    def said(self, since: float = 0.0) -> set[str]:
        """What requests were answered that were sent after a moment."""
        return {answer.said for answer in list(self.answers) if answer.sent >= since}

    def keep_asking(self, method: str, path: str, pause: float, *, alive: bool) -> None:
        """One client: a request every `pause` seconds, on one connection or on a new one each time."""
        connection = None
        next_ = time.monotonic()
        while not self.done.wait(max(0.0, next_ - time.monotonic())):
            next_ += pause
            sent = time.monotonic()
            connection = connection or http.client.HTTPConnection(self.host, self.port, timeout=20)
            try:
                connection.request(method, path, body=b"{}" if method == "POST" else None)
                response = connection.getresponse()
                said, status = response.read().decode()[:200], response.status
            except (OSError, http.client.HTTPException) as error:
                said, status = repr(error), 0
                connection.close()
                connection = None
            if not alive and connection is not None:
                connection.close()
                connection = None
            what = f"{method} {path}{'' if alive else ' (new connection)'}"
            self.answers.append(Answer(sent, time.monotonic(), status, said, what))
        if connection is not None:
            connection.close()


@contextmanager
def under_load(port: int, path: str = "/order", *, host: str = "127.0.0.1") -> Iterator[Load]:
    """About 60 requests a second: kept and new connections, POST, and ones that take two seconds."""
    load = Load(port, host)
    kinds = [
        ("GET", path, 0.05, True),
        ("GET", path, 0.05, False),
        ("POST", path, 0.1, True),
        ("POST", path, 0.2, False),
        ("GET", f"{path}/slow", 0.25, True),
        ("POST", f"{path}/slow", 0.25, False),
    ]
    clients = [
        threading.Thread(target=load.keep_asking, args=(method, where, pause), kwargs={"alive": alive})
        for method, where, pause, alive in kinds
    ]
    for client in clients:
        client.start()
    try:
        yield load
    finally:
        load.done.set()
        for client in clients:
            client.join()
