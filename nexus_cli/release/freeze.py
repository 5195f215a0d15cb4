"""The times of a week at which nothing is deployed; pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nexus_cli.errors import UsageError

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK = timedelta(days=7)


def frozen(window: str, now: datetime) -> datetime | None:
    """When the window ends that `now` lies in, such as `Fri 16:00 - Mon 07:00 Europe/Berlin`; else nothing.

    A window is meant by the clock on the wall, also when that is put forward or back; without a zone in UTC.
    Where the clock shows a time twice, or never, the window is as long as it may be.
    """
    first, begin, _, last, end, *zone = window.split(" ")
    where = _zone(zone[0] if zone else "UTC")
    today = now.astimezone(where).date()
    monday = today - timedelta(days=today.weekday())
    for week in (monday - _WEEK, monday):
        day = week + timedelta(days=_DAYS.index(first))
        length = (_DAYS.index(last) - _DAYS.index(first)) % 7
        if not length and end <= begin:
            length = 7
        started = min(_moments(day, begin, where))
        over = max(_moments(day + timedelta(days=length), end, where))
        if started <= now < over:
            return over
    return None


def _moments(day: date, clock: str, where: ZoneInfo) -> list[datetime]:
    """Both moments that a time on the wall may mean; nearly always the same one."""
    utc = ZoneInfo("UTC")
    moment = datetime.combine(day, time.fromisoformat(clock), where)
    return [moment.replace(fold=fold).astimezone(utc) for fold in (0, 1)]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f'this machine knows no time zone "{name}"',
            hint="one such as Europe/Berlin; `pip install tzdata` where the machine has no list of them",
        ) from error
