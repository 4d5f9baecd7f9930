"""A digest names exactly one thing that waits, or nothing is approved."""

import pytest

from penstock.cli.deciding import Chosen, Unclear
from penstock.cli.exits import Exit
from penstock.core.approval import ApprovalScope
from penstock.core.refs import ChangeId, Digest
from penstock.flows.views import Pending

LIB, APP, WEB = ("ab" * 32, "ab" * 6 + "cd" * 26, "ef" * 32)


def waits(digits: str, name: str) -> Pending:
    return Pending(
        change=ChangeId("c-0123456789"),
        title="Rename it",
        scope=ApprovalScope.CONTENT,
        digest=Digest(f"sha256:{digits}"),
        repository=f"acme/{name}",
        tier="low",
        files=1,
        additions=1,
        deletions=1,
        group="",
    )


WAITING = [waits(LIB, "lib"), waits(APP, "app"), waits(WEB, "web")]


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (Chosen(), [LIB, APP, WEB]),
        (Chosen(digests=(WEB[:8],)), [WEB]),
        (Chosen(digests=(f"sha256:{WEB[:12]}",)), [WEB]),
        (Chosen(digests=(f"sha256:{LIB}",)), [LIB]),
        (Chosen(digests=(LIB[:14],)), [LIB]),
        (Chosen(digests=(APP, WEB)), [APP, WEB]),
        (Chosen(repos=("app",)), [APP]),
        (Chosen(digests=(WEB,), repos=("acme/lib",)), [LIB, WEB]),
        (Chosen(repos=("other",)), []),
    ],
)
def test_what_is_named_is_meant(chosen: Chosen, names: list[str]) -> None:
    assert list(chosen.among(WAITING)) == [f"sha256:{digits}" for digits in names]


@pytest.mark.parametrize(
    ("digest", "says", "code"),
    [
        ("", "is not a digest", Exit.WRONG_USE),
        ("sha256:", "is not a digest", Exit.WRONG_USE),
        (WEB[:7], "at least 8", Exit.WRONG_USE),
        (f"{WEB}0", "is not a digest", Exit.WRONG_USE),
        ("sha1:" + WEB[:12], "is not a digest", Exit.WRONG_USE),
        (LIB[:12], "2 digests begin with", Exit.WRONG_USE),
        (WEB[:12] + "0" * 52, "Nothing that waits has", Exit.NO),
        (LIB[:12] + "0" * 4, "Nothing that waits has", Exit.NO),
    ],
)
def test_what_is_not_exactly_one_is_refused(digest: str, says: str, code: Exit) -> None:
    for given in ((digest,), (WEB, digest)):
        with pytest.raises(Unclear, match=says) as refused:
            Chosen(digests=given).among(WAITING)
        assert refused.value.code is code
