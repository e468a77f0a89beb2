"""Cron expressions from the values that each field allows. Other schedulers ask for a day that matches day of
month *and* day of week; here a day that matches either is enough."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pg_scheduler_import.foreign import Refused

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Times:
    """What the fields allow, as numbers; weekdays from 0, Sunday."""

    minutes: Collection[int]
    hours: Collection[int]
    days: Collection[int] = range(1, 32)
    months: Collection[int] = range(1, 13)
    weekdays: Collection[int] = range(7)
    seconds: Collection[int] = (0,)
    last_day: bool = False
    """The last day of the month too."""
    positions: Sequence[str] = ()
    """Days such as the second Friday, ``5#2``, and the last one, ``L5``, too."""

    @property
    def cron(self) -> str:
        """The expression.

        Raises:
            Refused: there is none.
        """
        day, weekday = self._day_fields()
        fields = [_text(self.minutes, 0, 59), _text(self.hours, 0, 23), day]
        fields += [_text(self.months, 1, 12), weekday]
        if set(self.seconds) != {0}:
            fields.append(_text(self.seconds, 0, 59))
        return " ".join(fields)

    def _day_fields(self) -> tuple[str, str]:
        every_weekday = len(set(self.weekdays)) == _WEEK
        if self.last_day or self.positions:
            if not every_weekday:
                raise Refused("it needs a certain day of the month that is a certain day of the week as well")
            numbers = [_text(self.days, 1, 31)] if self.days else []
            days = [*numbers, *(["L"] if self.last_day else [])]
            return ",".join(days) or "*", ",".join(self.positions) or "*"
        if every_weekday or len(set(self.days)) == 31:
            return _text(self.days, 1, 31), _text(self.weekdays, 0, 6)
        weeks = _whole_weeks(self.days)
        if weeks is None:
            raise Refused("it needs a certain day of the month that is a certain day of the week as well")
        return "*", ",".join(f"{day}#{week}" for day in sorted(self.weekdays) for week in weeks)


def _whole_weeks(days: Collection[int]) -> list[int] | None:
    """Which weeks of seven days of the month these are, from 1; None if they are not whole weeks."""
    weeks = {(day - 1) // _WEEK for day in days}
    whole = {week * _WEEK + number for week in weeks for number in range(1, _WEEK + 1)}
    return sorted(week + 1 for week in weeks) if whole == set(days) else None


def _text(values: Collection[int], first: int, last: int) -> str:
    """One field, short."""
    numbers = sorted(set(values))
    if not numbers:
        raise Refused("one of its fields allows no value")
    if numbers == list(range(first, last + 1)):
        return "*"
    step = numbers[1] - numbers[0] if len(numbers) > 2 else 0
    if step > 1 and numbers == list(range(first, last + 1, step)):
        return f"*/{step}"
    return ",".join(_ranges(numbers))


def _ranges(numbers: Sequence[int]) -> list[str]:
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return [
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run))
        for run in found
    ]  # fmt: skip
