"""Which version is newer: facts from outside, and that every order is one."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.dependencies.facts import Ecosystem
from penstock.core.dependencies.versions import LONGEST, compare

TABLE = (Path(__file__).parent / "data" / "version_orders.txt").read_text()
CHAINS = [
    (Ecosystem(section), line)
    for section, body in re.findall(r"^\[(.+)\]\n((?:.+\n?)*)", TABLE, re.MULTILINE)
    for line in body.splitlines()
]
VERSIONS = {
    ecosystem: sorted({v for e, line in CHAINS for v in re.split(" [<=] ", line) if e is ecosystem})
    for ecosystem in Ecosystem
}


def test_every_ecosystem_is_in_the_table():
    assert {ecosystem for ecosystem, _ in CHAINS} == set(Ecosystem)
    assert len(CHAINS) > 60


@pytest.mark.parametrize(("ecosystem", "line"), CHAINS, ids=[f"{e}: {line[:40]}" for e, line in CHAINS])
def test_versions_stand_as_they_do_outside(ecosystem: Ecosystem, line: str):
    """Every pair of a chain, in both directions."""
    parts = re.split(" ([<=]) ", line)
    versions, signs = parts[::2], parts[1::2]
    for (i, one), (j, other) in combinations(enumerate(versions), 2):
        wanted = -1 if "<" in signs[i:j] else 0
        assert compare(ecosystem, one, other) == wanted, f"{one} and {other}"
        assert compare(ecosystem, other, one) == -wanted, f"{other} and {one}"


@given(st.data())
def test_every_order_is_transitive(data: st.DataObject):
    ecosystem = data.draw(st.sampled_from(list(Ecosystem)))
    chosen = data.draw(st.lists(st.sampled_from(VERSIONS[ecosystem]), min_size=3, max_size=3))
    a, b, c = chosen
    ab, bc, ac = (compare(ecosystem, *pair) for pair in ((a, b), (b, c), (a, c)))
    assert ab is not None
    assert bc is not None
    if ab <= 0 and bc <= 0:
        assert ac is not None
        assert ac <= 0
    assert all(compare(ecosystem, x, x) == 0 for x in chosen)
    assert all(compare(ecosystem, x, y) == -(compare(ecosystem, y, x) or 0) for x, y in pairwise(chosen))


@given(st.sampled_from(list(Ecosystem)), st.text(max_size=40), st.text(max_size=40))
def test_no_text_is_too_strange_to_be_asked_about(ecosystem: Ecosystem, one: str, other: str):
    assert compare(ecosystem, one, other) in {-1, 0, 1, None}


@pytest.mark.parametrize("ecosystem", list(Ecosystem))
@pytest.mark.parametrize("text", ["", "latest", "*", "^1.0", "1.0 || 2.0", "file:../x", "1" * (LONGEST + 1)])
def test_what_is_no_version_has_no_place(ecosystem: Ecosystem, text: str):
    assert compare(ecosystem, text, "1.0.0") is None
