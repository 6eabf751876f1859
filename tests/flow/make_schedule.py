# SPDX-License-Identifier: Apache-2.0
"""Prints the table of test_schedule.c: appointed times by zoneinfo. On each date that matches, the first minute at
which the clock on the wall shows the appointed time or later."""
import datetime as dt
import zoneinfo

UTC = dt.timezone.utc


def first(zone, date, hour, minute):
    want = dt.datetime.combine(date, dt.time(hour, minute))
    t = want.replace(tzinfo=UTC) - dt.timedelta(hours=15)
    while t.astimezone(zone).replace(tzinfo=None, fold=0) < want:
        t += dt.timedelta(minutes=1)
    return t


def following(zone, days, hour, minute, after):
    date = after.astimezone(zone).date() - dt.timedelta(days=1)
    while True:
        if (date.weekday() + 1) % 7 in days and first(zone, date, hour, minute) > after:
            return first(zone, date, hour, minute)
        date += dt.timedelta(days=1)


DAILY = set(range(7))
ROWS = [
    ("Europe/Berlin", "sun 02:00", {0}, 2, 0, "2025-11-18T14:30:45"),
    ("Europe/Berlin", "sun 02:00", {0}, 2, 0, "2025-11-23T01:00:00"),
    ("Europe/Berlin", "sun 02:30", {0}, 2, 30, "2025-03-24T00:00:00"),
    ("Europe/Berlin", "sun 02:30", {0}, 2, 30, "2025-03-30T01:00:00"),
    ("Europe/Berlin", "daily 02:30", DAILY, 2, 30, "2025-03-29T12:00:00"),
    ("Europe/Berlin", "daily 02:30", DAILY, 2, 30, "2025-03-30T01:00:00"),
    ("Europe/Berlin", "daily 02:30", DAILY, 2, 30, "2025-10-25T12:00:00"),
    ("Europe/Berlin", "daily 02:30", DAILY, 2, 30, "2025-10-26T00:30:00"),
    ("Europe/Berlin", "daily 02:30", DAILY, 2, 30, "2025-10-26T01:00:00"),
    ("Europe/Berlin", "daily 02:00", DAILY, 2, 0, "2025-03-29T23:00:00"),
    ("Europe/Berlin", "daily 03:00", DAILY, 3, 0, "2025-03-29T23:00:00"),
    ("America/New_York", "mon,wed 18:30", {1, 3}, 18, 30, "2025-11-02T22:00:00"),
    ("America/New_York", "mon,wed 18:30", {1, 3}, 18, 30, "2025-11-03T23:30:00"),
    ("America/New_York", "sun 1:30", {0}, 1, 30, "2025-11-02T00:00:00"),
    ("America/New_York", "sun 1:30", {0}, 1, 30, "2025-11-02T05:30:00"),
    ("Australia/Lord_Howe", "daily 01:45", DAILY, 1, 45, "2025-04-05T00:00:00"),
    ("Australia/Lord_Howe", "daily 02:15", DAILY, 2, 15, "2025-10-04T00:00:00"),
    ("Asia/Kathmandu", "sat 00:00", {6}, 0, 0, "2025-06-06T18:14:59"),
    ("Asia/Kathmandu", "sat 00:00", {6}, 0, 0, "2025-06-06T18:15:00"),
    ("America/St_Johns", "fri 23:59", {5}, 23, 59, "2025-07-04T00:00:00"),
    ("Pacific/Apia", "fri 12:00", {5}, 12, 0, "2011-12-28T00:00:00"),
    ("Pacific/Kiritimati", "mon 00:30", {1}, 0, 30, "2026-01-01T00:00:00"),
    ("Pacific/Pago_Pago", "mon 23:30", {1}, 23, 30, "2026-01-01T00:00:00"),
    ("America/Sao_Paulo", "sun 00:00", {0}, 0, 0, "2018-11-01T00:00:00"),
    ("UTC", "thu 00:00", {4}, 0, 0, "1969-12-31T23:59:59"),
    ("UTC", "wed 23:59", {3}, 23, 59, "1969-12-30T00:00:00"),
]

for name, text, days, hour, minute, at in ROWS:
    after = dt.datetime.fromisoformat(at).replace(tzinfo=UTC)
    zone = zoneinfo.ZoneInfo(name)
    found = following(zone, days, hour, minute, after)
    print(f'    {{"{name}", "{text}", {int(after.timestamp())}, {int(found.timestamp())}}},'
          f' /* {found.astimezone(zone):%a %Y-%m-%d %H:%M %Z} */')
