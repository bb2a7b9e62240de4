"""What the configuration reference says of settings that are going to be removed."""

from __future__ import annotations

from weft.config.deprecated import DEPRECATED
from weft.content.configuration import removals


def test_every_deprecated_setting_is_in_the_reference() -> None:
    names = [entry.name for entry in DEPRECATED]
    found = removals(names)
    assert [removal.message.split()[0] for removal in found] == names
    assert all(removal.version.startswith("2.") for removal in found)


def test_others_are_left_out() -> None:
    assert removals(["DEFAULT_FORKS", "NO_SUCH_SETTING"]) == []
    assert removals([]) == []
