"""The catalog against every documented fact: what is documented passes, what is just outside is refused."""

import pytest
from support.catalog_facts import (
    CATALOG,
    ENTRIES,
    KNOWN,
    LIMITS,
    UNDOCUMENTED_RUXA,
    Entry,
    Limit,
    changed,
    full,
    minimal,
)

from apixo_mcp.catalog.inputs import AnyInput
from apixo_mcp.catalog.marks import files
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.validate import validate
from apixo_mcp.errors import InvalidInput

MODES = [pytest.param(entry, mode, id=f"{entry}-{mode}") for entry in KNOWN for mode in entry.modes]
ACCEPTED = [
    pytest.param(entry, mode, changes, id=f"{entry}-{mode}-{changes}")
    for entry in KNOWN
    for mode, changes in entry.rules.get("accepted", [])
]


def model_of(entry: Entry) -> Model:
    model = CATALOG.get(entry.id)
    assert model is not None, f"{entry.id} is missing"
    return model


def called(model: Model, field: str) -> str:
    """The name under which a problem of a field on the wire is told."""
    common = {spelling.field: name for name, spelling in model.spelling.items()}
    return common.get(field, field)


def sent_by_default(entry: Entry) -> dict[str, object]:
    """Fields that are required although they have a default: they are always sent."""
    always = {name: fact["default"] for name, fact in entry.params.items() if fact["required"] and "default" in fact}
    if entry.id.startswith("ruxa/"):
        always |= {
            name: fact["default"]
            for name, fact in entry.params.items()
            if name in ("output_format", "image_size") and "default" in fact
        }
    return always


def test_offers_every_model_of_both_gateways() -> None:
    ours = {model.id for model in CATALOG}
    documented = {entry.id for entry in ENTRIES}
    undocumented = {f"ruxa/{model['id']}" for model in UNDOCUMENTED_RUXA}
    assert len([entry for entry in ENTRIES if not entry.id.startswith("ruxa/")]) == 49
    assert len([entry for entry in ENTRIES if entry.id.startswith("ruxa/")]) == 5
    assert ours == documented | undocumented


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_says_what_the_page_says(entry: Entry) -> None:
    model = model_of(entry)
    raw = entry.raw
    assert model.modality == entry.modality
    assert model.wire_id == raw["id"]
    assert model.sources
    if "poll" in raw:
        poll = raw["poll"]
        schedule = (model.schedule.first_wait, model.schedule.interval, model.schedule.maximum)
        assert schedule == (poll["first_wait"], poll["interval"], poll["maximum"])
        assert model.facts == raw["facts"]
        assert model.title == raw["title"]
        assert set(model.fail_codes) == set(raw.get("fail_codes", ()))
        assert model.result_hours == 24
        assert bool(model.times) == bool(raw.get("times"))
    if entry.facts == "none":
        assert model.input is AnyInput
        assert "nothing is checked" in (model.input.__doc__ or "")
    else:
        known = {name for name, fact in entry.params.items() if not fact.get("name_unknown")}
        assert set(model.input.names()) == known
        assert set(model.modes) == ({mode for mode in entry.modes if mode} if "mode" in entry.params else set())


@pytest.mark.parametrize(("entry", "mode"), MODES)
def test_smallest_input_reaches_the_wire(entry: Entry, mode: str | None) -> None:
    values = minimal(entry, mode)
    wire = validate(model_of(entry), values).wire()
    expected = sent_by_default(entry) | values
    if entry.id == "nano-banana-pro":
        expected = {"aspect_ratio": "1:1"} | expected
    assert wire == expected


@pytest.mark.parametrize(("entry", "mode"), MODES)
def test_fullest_input_reaches_the_wire(entry: Entry, mode: str | None) -> None:
    values = full(entry, mode)
    wire = validate(model_of(entry), values).wire()
    for name, value in values.items():
        assert wire[name] == value, name
        assert type(wire[name]) is type(value), name
    assert set(wire) - set(values) <= set(sent_by_default(entry))


@pytest.mark.parametrize("entry", KNOWN, ids=str)
def test_takes_every_documented_value(entry: Entry) -> None:
    model = model_of(entry)
    for name, fact in entry.params.items():
        for value in fact.get("enum", []) + fact.get("enum_inferred", []):
            taken = []
            for mode in entry.modes:
                try:
                    taken.append(validate(model, {**full(entry, mode), name: value}).wire()[name])
                except InvalidInput:
                    try:
                        taken.append(validate(model, {**minimal(entry, mode), name: value}).wire()[name])
                    except InvalidInput:
                        continue
            if name != "mode" and name != "generationType":
                assert taken, f"{name}={value} is refused in every mode"
            assert set(taken) <= {value}


@pytest.mark.parametrize(("entry", "mode", "changes"), ACCEPTED)
def test_takes_what_the_rules_allow(entry: Entry, mode: str | None, changes: dict[str, object]) -> None:
    values = changed(entry, minimal(entry, mode), changes)
    wire = validate(model_of(entry), values).wire()
    for name, value in values.items():
        assert wire[name] == value


@pytest.mark.parametrize("entry", KNOWN, ids=str)
def test_refuses_what_is_just_outside(entry: Entry) -> None:
    limits = [limit for limit in LIMITS if limit.entry is entry]
    assert limits
    for limit in limits:
        check_refused(limit)


def check_refused(limit: Limit) -> None:
    model = model_of(limit.entry)
    with pytest.raises(InvalidInput) as caught:
        validate(model, limit.values)
    problems = caught.value.problems
    name = called(model, limit.field)
    blamed = [problem for problem in problems if name in problem.field.replace(".", " ").split()]
    assert blamed, f"{limit}: {name} is not named in: {caught.value}"
    told = " / ".join(map(str, blamed))
    for words in limit.says or ("required",):
        assert words in told, limit
    assert limit.given in told, limit
    assert {problem.field for problem in problems} == {problem.field for problem in blamed}, "and nothing else is wrong"


# What the pages say about files: megabytes, formats.
FILES: dict[tuple[str, str], tuple[int | None, str]] = {
    ("nano-banana-pro", "image_urls"): (10, "jpg png webp"),
    ("seedream-4-5", "image_urls"): (10, "jpg png webp"),
    ("wan-2-5-image", "image_urls"): (10, "jpg png bmp webp"),
    ("wan-2-6-image", "image_urls"): (10, ""),
    ("wan-2-7-image", "image_urls"): (20, "jpg png bmp webp"),
    ("sora-2", "image_urls"): (10, "jpg png webp"),
    ("veo-3-1", "image_urls"): (10, "jpg png"),
    ("kling-3-0-std", "video_urls"): (None, "mp4 mov m4v"),
    ("hailuo-2-3", "image_urls"): (20, "jpg png"),
    ("hailuo-2-3-fast", "image_urls"): (20, "jpg png"),
    ("wan-2-5-video", "image_urls"): (20, ""),
    ("wan-2-5-video", "image_url"): (20, ""),
    ("wan-2-5-video", "audio_urls"): (15, "wav mp3"),
    ("infinitetalk", "audio_urls"): (128, "mp3 wav m4a"),
}


def test_files_are_held_to_what_their_page_says_and_to_nothing_else() -> None:
    found = {(model.id, name): mark for model in CATALOG for name, mark in files(model.input).items()}
    assert {key: (mark.max_mb, " ".join(mark.formats)) for key, mark in found.items()} == FILES


def test_counts_the_limits(capsys: pytest.CaptureFixture[str]) -> None:
    models = {limit.entry.id for limit in LIMITS}
    with capsys.disabled():
        print(f"\n{len(LIMITS)} documented limits of {len(models)} models covered")
    assert models == {entry.id for entry in KNOWN}
