"""Toggles as places of this machine set them: what cannot be read counts as stopped."""

from pathlib import Path

import pytest

from penstock.core.policy.rules import Toggles, effective
from penstock.toggles import ConfigHolder, holder_of

STOPPED = Toggles(autonomy=False, automerge=False)


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({}, Toggles()),
        ({"INFINITY_AUTONOMY_ENABLED": "FALSE"}, Toggles(autonomy=False)),
        ({"INFINITY_AUTOMERGE_ENABLED": " no "}, Toggles(automerge=False)),
        ({"INFINITY_QUARANTINE_MODE": "1"}, Toggles(quarantine=True)),
        ({"INFINITY_QUARANTINE_MODE": ""}, Toggles()),
        ({"INFINITY_MAX_PRS_PER_DAY": "0"}, Toggles(max_prs_per_day=0)),
        ({"INFINITY_MAX_PRS_PER_DAY": "-1"}, STOPPED),
        ({"INFINITY_MAX_PRS_PER_DAY": "٣"}, STOPPED),
        ({"INFINITY_AUTONOMY_ENABLED": "off"}, STOPPED),
    ],
)
def test_variables_of_one_place(given, holds):
    assert effective((holder_of("a place", given),)) == holds


def test_the_strictest_of_all_holders_wins():
    places = (
        holder_of("a", {"INFINITY_MAX_PRS_PER_DAY": "50", "INFINITY_QUARANTINE_MODE": "false"}),
        holder_of("b", {"INFINITY_MAX_PRS_PER_DAY": "3", "INFINITY_QUARANTINE_MODE": "true"}),
        holder_of("c", {"INFINITY_AUTONOMY_ENABLED": "true"}),
    )
    assert effective(places) == Toggles(max_prs_per_day=3, quarantine=True)


def test_the_configuration_is_read_again_whenever_it_changes(tmp_path: Path):
    path = tmp_path / "orchestrator.yml"
    holder = ConfigHolder(path)
    assert effective((holder(),)) == STOPPED, "a file that is gone"
    path.write_text("version: 1\n")
    assert effective((holder(),)) == Toggles()
    path.write_text("version: 1\ntoggles: {autonomy_enabled: false}\nrouting: 7\n")
    assert effective((holder(),)) == Toggles(autonomy=False), "whatever is wrong elsewhere in it"
    path.write_text("version: 1\ntoggles: {autonomy: false}\n")
    assert effective((holder(),)) == STOPPED
    assert "autonomy" in holder().said
    assert effective((ConfigHolder(None)(),)) == Toggles(), "no file was ever named"
