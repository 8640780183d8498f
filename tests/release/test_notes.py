"""The words of a release are those of the changelog."""

import pytest
from notes import notes

CHANGELOG = "# Changelog\n\n## 0.2.0 (2030-01-02)\n\n### Added\n\n- Two.\n\n\n## 0.1.0 (unreleased)\n\n- One.\n"


def test_a_release_says_what_the_changelog_says_of_its_version():
    assert notes(CHANGELOG, "0.2.0") == "### Added\n\n- Two.\n"


@pytest.mark.parametrize(("version", "reason"), [("0.3.0", "towncrier build"), ("0.1.0", "set its date")])
def test_a_version_that_the_changelog_does_not_tell_is_not_released(version: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        notes(CHANGELOG, version)
