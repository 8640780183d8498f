"""Words of a prompt and moments, as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples

from apixo_mcp.errors import InvalidInput
from apixo_mcp.tasks.search import MOST_WORDS, moment_of, words_of

NOW = datetime(2026, 11, 27, 0, 30, tzinfo=UTC).timestamp()
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
PACIFIC = timezone(timedelta(hours=-8))


def read(text: str, zone: timezone = UTC) -> datetime:
    return datetime.fromtimestamp(moment_of(text, NOW, zone), zone)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("today", "2026-11-27T00:00:00"),
        (" Today ", "2026-11-27T00:00:00"),
        ("yesterday", "2026-11-26T00:00:00"),
        ("今天", "2026-11-27T00:00:00"),
        ("昨天", "2026-11-26T00:00:00"),
        ("2h", "2026-11-26T22:30:00"),
        ("90 minutes ago", "2026-11-26T23:00:00"),
        ("7d", "2026-11-20T00:30:00"),
        ("2 weeks", "2026-11-13T00:30:00"),
        ("2026-05-17", "2026-05-17T00:00:00"),
        ("2026-05-17T09:30", "2026-05-17T09:30:00"),
        ("2026-05-17 09:30", "2026-05-17T09:30:00"),
        ("2026-05-17T09:30:15z", "2026-05-17T09:30:15"),
        ("2026-05-17T09:30+02:00", "2026-05-17T07:30:00"),
    ],
)
def test_moments_as_people_write_them(text: str, moment: str):
    assert read(text).isoformat() == f"{moment}+00:00"


def test_a_day_is_that_of_the_zone_of_who_asks():
    assert read("today", PACIFIC).isoformat() == "2026-11-26T00:00:00-08:00"
    assert read("2026-11-26", PACIFIC).isoformat() == "2026-11-26T00:00:00-08:00"
    assert read("2026-11-26T00:00Z", PACIFIC) == datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow?", "2026-13-01", "h", "5 parsecs", "-2h", "9" * 400, "2h" * 9])
def test_what_is_no_moment_is_refused_with_what_is(text: str):
    with pytest.raises(InvalidInput, match="2026-05-17"):
        moment_of(text, NOW, UTC)


@given(st.text(max_size=40) | st.from_regex(r"\d{1,6} ?[a-z]{1,8}( ago)?", fullmatch=True))
@settings(max_examples=examples(400))
def test_any_text_is_a_moment_or_refused(text: str):
    try:
        moment = moment_of(text, NOW)
    except InvalidInput as error:
        named = [problem.field for problem in error.problems]
    else:
        named = ["since"] if isinstance(moment, float) else []
    assert named == ["since"]


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)), ZONES)
@settings(max_examples=examples(200))
def test_each_moment_reads_back_as_it_was_written(moment: datetime, zone: timezone):
    there = moment.replace(tzinfo=zone)
    assert moment_of(moment.isoformat(), NOW, zone) == there.timestamp()
    assert moment_of(there.isoformat(), NOW, UTC) == there.timestamp()
    assert moment_of(there.astimezone(UTC).isoformat().replace("+00:00", "Z"), NOW, zone) == there.timestamp()


@given(ZONES, st.floats(1e9, 4e9))
@settings(max_examples=examples(200))
def test_today_began_within_a_day_and_yesterday_a_day_before(zone: timezone, now: float):
    today = moment_of("today", now, zone)
    assert 0 <= now - today < 86400
    assert today - moment_of("yesterday", now, zone) == 86400
    assert moment_of(datetime.fromtimestamp(now, zone).date().isoformat(), now, zone) == today


@given(st.integers(0, 999_999), st.sampled_from([("m", 60), ("h", 3600), ("d", 86400), ("w", 604800)]))
@settings(max_examples=examples(200))
def test_so_long_ago(count: int, unit: tuple[str, int]):
    assert moment_of(f"{count}{unit[0]}", NOW) == max(0.0, NOW - count * unit[1])


def test_words_are_told_apart_by_spaces_and_chinese_by_character():
    assert words_of(" A red  fox red ") == ("A", "red", "fox")
    assert words_of("雪地里的狐狸 4k") == ("雪", "地", "里", "的", "狐", "狸", "4k")
    assert words_of("きつね 여우") == ("きつね", "여우")
    assert words_of("") == ()


@given(st.text(st.characters(exclude_categories=()), max_size=200))
@settings(max_examples=examples(200))
def test_any_query_is_a_few_words_that_a_store_takes(query: str):
    words = words_of(query)
    assert len(words) <= MOST_WORDS
    for word in words:
        assert word.encode()
        assert "\0" not in word
