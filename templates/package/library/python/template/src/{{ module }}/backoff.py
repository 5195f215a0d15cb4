"""How long to wait between attempts."""

from __future__ import annotations


def backoff(attempt: int, *, base: float = 0.1, cap: float = 30.0) -> float:
    """Return the delay before a retry, in seconds: it doubles with each attempt until it reaches the cap.

    `attempt` is how many retries came before, from 0. Raises ValueError if it is negative, or unless
    0 < base <= cap.
    """
    if attempt < 0:
        msg = f"attempt must be 0 or more, got {attempt}"
        raise ValueError(msg)
    if not 0 < base <= cap:
        msg = f"0 < base <= cap must hold, got base {base} and cap {cap}"
        raise ValueError(msg)
    doublings = min(attempt, 1000)  # 2.0**1024 would overflow
    return min(cap, base * 2.0**doublings)
