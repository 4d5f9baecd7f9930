"""Advisories of the OSV schema: what they say of a version, and what is never called clean."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.dependencies.advisories import NotCovered, Standing, audit, read_advisory
from penstock.core.dependencies.facts import Ecosystem
from penstock.core.dependencies.parsing import UnreadableError

VULNERABLE, CLEAN, NOT_AUDITED = Standing.VULNERABLE, Standing.CLEAN, Standing.NOT_AUDITED
Events = list[dict[str, str]]


def affected(
    ecosystem: str, kind: str, *events: dict[str, str], versions: tuple[str, ...] = ()
) -> dict[str, object]:
    ranges = [{"type": kind, "events": list(events)}] if kind else []
    return {"package": {"ecosystem": ecosystem, "name": "Pkg"}, "ranges": ranges, "versions": list(versions)}


def standing(ecosystem: Ecosystem, version: str, *entries: dict[str, object], name: str = "Pkg") -> Standing:
    advisory = read_advisory(json.dumps({"id": "X-1", "affected": list(entries)}).encode())
    assert advisory is not None
    found = audit(ecosystem, name, version, (advisory,))
    assert found.ids == (("X-1",) if found.standing is VULNERABLE else ())
    assert bool(found.reason) == (found.standing is NOT_AUDITED)
    return found.standing


ZERO = {"introduced": "0"}
TWO_TIMES = ({"introduced": "1.0.0"}, {"fixed": "1.2.0"}, {"introduced": "2.0.0"}, {"fixed": "2.1.0"})
RANGES = [
    ("npm", "SEMVER", (ZERO, {"fixed": "1.3.0"}), {"0.0.1": VULNERABLE, "1.2.9": VULNERABLE, "1.3.0": CLEAN}),
    ("npm", "SEMVER", (ZERO, {"fixed": "1.3.0"}), {"1.3.0-rc.1": VULNERABLE, "1.10.0": CLEAN}),
    ("npm", "SEMVER", (ZERO,), {"99.0.0": VULNERABLE}),
    ("npm", "SEMVER", (ZERO, {"last_affected": "1.3.0"}), {"1.3.0": VULNERABLE, "1.3.1": CLEAN}),
    (
        "npm",
        "SEMVER",
        TWO_TIMES,
        {"0.9.0": CLEAN, "1.0.0": VULNERABLE, "1.2.0": CLEAN, "2.0.5": VULNERABLE, "2.1.0": CLEAN},
    ),
    ("npm", "SEMVER", tuple(reversed(TWO_TIMES)), {"1.1.0": VULNERABLE, "1.5.0": CLEAN, "2.0.5": VULNERABLE}),
    ("npm", "SEMVER", (ZERO, {"limit": "1.0.0"}), {"0.9.0": VULNERABLE, "1.0.0": CLEAN}),
    ("npm", "SEMVER", (ZERO, {"limit": "*"}), {"9.0.0": VULNERABLE}),
    ("npm", "SEMVER", (), {"1.0.0": CLEAN}),
    (
        "PyPI",
        "ECOSYSTEM",
        (ZERO, {"fixed": "2.0"}),
        {"2.0rc1": VULNERABLE, "1!0.1": CLEAN, "2.0.post1": CLEAN},
    ),
    ("Maven", "ECOSYSTEM", (ZERO, {"fixed": "2.0"}), {"2.0-rc1": VULNERABLE, "2.0.0": CLEAN}),
    ("Go", "SEMVER", (ZERO, {"fixed": "0.17.0"}), {"v0.16.9": VULNERABLE, "v0.17.0": CLEAN}),
    ("RubyGems", "ECOSYSTEM", (ZERO, {"fixed": "7.0.0"}), {"7.0.0.rc1": VULNERABLE, "7.0": CLEAN}),
    ("npm", "NEW_KIND", (ZERO,), {"1.0.0": NOT_AUDITED}),
    ("npm", "SEMVER", (ZERO, {"repaired": "1"}), {"1.0.0": NOT_AUDITED}),
    ("npm", "SEMVER", (ZERO, {"fixed": "soon"}), {"1.0.0": NOT_AUDITED}),
    ("npm", "GIT", (ZERO,), {"1.0.0": NOT_AUDITED}),
    (
        "npm",
        "SEMVER",
        (ZERO, {"fixed": "1.0.0"}),
        {"latest": NOT_AUDITED, "": NOT_AUDITED, "git#x": NOT_AUDITED},
    ),
]
TABLE = [(e, k, events, v, s) for e, k, events, told in RANGES for v, s in told.items()]


@pytest.mark.parametrize(("ecosystem", "kind", "events", "version", "wanted"), TABLE)
def test_ranges(
    ecosystem: str, kind: str, events: tuple[dict[str, str], ...], version: str, wanted: Standing
):
    name = "pkg" if ecosystem == "PyPI" else "Pkg"
    assert standing(Ecosystem(ecosystem), version, affected(ecosystem, kind, *events), name=name) is wanted


def test_versions_listed_one_by_one_are_enough():
    listed = affected("npm", "", versions=("1.0.0", "1.0.1"))
    assert standing(Ecosystem.NPM, "1.0.1", listed) is VULNERABLE
    assert standing(Ecosystem.NPM, "1.0.2", listed) is CLEAN
    beside_git = affected("npm", "GIT", ZERO, versions=("1.0.0",))
    assert standing(Ecosystem.NPM, "1.0.2", beside_git) is CLEAN


def test_an_advisory_that_says_neither_range_nor_version_says_nothing():
    assert standing(Ecosystem.NPM, "1.0.0", affected("npm", "")) is NOT_AUDITED


def test_other_packages_and_ecosystems_are_not_meant():
    other = affected("crates.io", "SEMVER", ZERO)
    assert standing(Ecosystem.NPM, "1.0.0", other) is CLEAN
    assert standing(Ecosystem.NPM, "1.0.0", affected("npm", "SEMVER", ZERO), name="pkg") is CLEAN
    assert standing(Ecosystem.NPM, "1.0.0", affected("Debian:12", "ECOSYSTEM", ZERO)) is CLEAN


def test_of_several_answers_the_worst_counts():
    unknown, hit, miss = (
        affected("npm", "NEW_KIND", ZERO),
        affected("npm", "SEMVER", ZERO),
        affected("npm", "SEMVER", ZERO, {"fixed": "0.1.0"}),
    )
    assert standing(Ecosystem.NPM, "1.0.0", unknown, hit, miss) is VULNERABLE
    assert standing(Ecosystem.NPM, "1.0.0", unknown, miss) is NOT_AUDITED
    assert standing(Ecosystem.NPM, "1.0.0", miss) is CLEAN


def test_without_a_database_nothing_is_clean():
    found = audit(Ecosystem.NPM, "Pkg", "1.0.0", NotCovered(reason="none is configured"))
    assert (found.standing, found.reason) == (NOT_AUDITED, "none is configured")


def test_a_database_without_an_entry_for_it_is():
    assert audit(Ecosystem.NPM, "Pkg", "1.0.0", ()).standing is CLEAN
    assert audit(Ecosystem.NPM, "Pkg", "dev-main", ()).standing is NOT_AUDITED


def test_what_was_withdrawn_is_none():
    assert read_advisory(b'{"id": "X-1", "withdrawn": "2024-01-01T00:00:00Z", "affected": []}') is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"id": 1}', b'{"id": "X", "affected": {}}', b"\xff"]
)
def test_what_is_no_advisory_is_unreadable(content: bytes):
    with pytest.raises(UnreadableError):
        read_advisory(content)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["npm", "SEMVER", "0", "1.0.0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "affected", "package", "ecosystem", "name", "ranges", "events", "versions", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.text(max_size=6))
def test_no_shape_is_too_strange(data: object, version: str):
    try:
        advisory = read_advisory(json.dumps(data).encode())
    except UnreadableError:
        return
    if advisory:
        assert audit(Ecosystem.NPM, "Pkg", version, (advisory,)).standing in Standing
