"""Each end-to-end and fault suite runs on a database too, or says why it does not."""

from pathlib import Path

from support.on_database import IN_A_FILE, ON_DATABASE

ROOT = Path(__file__).resolve().parents[2]


def test_each_suite_has_its_place():
    folders = [ROOT / "tests" / name for name in ("e2e", "faults")]
    suites = {path.relative_to(ROOT).as_posix() for folder in folders for path in folder.glob("test_*.py")}
    assert suites == {*ON_DATABASE, *IN_A_FILE}
    assert not ON_DATABASE & set(IN_A_FILE)
