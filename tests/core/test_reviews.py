"""Reviews count on exactly one commit, the last word of each person on it, whenever it was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.approval import lacking, standing_on
from penstock.core.evidence import ReviewFact, ReviewState
from penstock.core.policy.rules import Policy, stricter
from penstock.core.refs import Sha

HEAD, OLDER = Sha("1" * 40), Sha("2" * 40)
YES, NO, REMARK, GONE = (
    ReviewState.APPROVED,
    ReviewState.CHANGES_REQUESTED,
    ReviewState.COMMENTED,
    ReviewState.DISMISSED,
)


def review(author: str, state: ReviewState, head: Sha | None = HEAD, number: int = 1) -> ReviewFact:
    return ReviewFact(id=number, author=author, state=state, head=head)


CASES = [
    ("nobody", (), [], []),
    ("a yes", (review("ada", YES),), ["ada"], []),
    ("a no", (review("ada", NO),), [], ["ada"]),
    ("a yes on another commit", (review("ada", YES, OLDER),), [], []),
    ("a no on another commit", (review("ada", NO, OLDER),), [], []),
    ("a yes on a commit that nobody knows", (review("ada", YES, None),), [], []),
    ("a dismissed one", (review("ada", GONE),), [], []),
    ("a remark", (review("ada", REMARK),), [], []),
    ("a yes, then a remark", (review("ada", YES), review("ada", REMARK)), ["ada"], []),
    ("a yes, then a no", (review("ada", YES), review("ada", NO)), [], ["ada"]),
    ("a no, then a yes", (review("ada", NO), review("ada", YES)), ["ada"], []),
    ("a yes, then a no that was dismissed", (review("ada", YES), review("ada", GONE)), [], []),
    ("a yes here, and later a no there", (review("ada", YES), review("ada", NO, OLDER)), ["ada"], []),
    ("one person in two spellings", (review("Ada", NO), review("ada", YES)), ["ada"], []),
    ("two people", (review("ada", YES), review("ben", NO)), ["ada"], ["ben"]),
]


@pytest.mark.parametrize(("what", "given_ones", "approving", "objecting"), CASES, ids=[c[0] for c in CASES])
def test_what_stands(what, given_ones, approving, objecting):
    found = standing_on(given_ones, HEAD)
    assert [r.author for r in found.approving] == approving
    assert [r.author for r in found.objecting] == objecting


@pytest.mark.parametrize(
    ("states", "demanded", "missing"),
    [((), 0, 0), ((), 2, 2), ((YES,), 2, 1), ((YES, YES), 1, 0), ((YES, NO), 1, 1), ((NO,), 0, 0)],
)
def test_what_a_branch_still_demands(states, demanded, missing):
    found = standing_on(tuple(review(f"p{n}", state) for n, state in enumerate(states)), HEAD)
    assert lacking(found, demanded) == missing


REVIEWS = st.lists(
    st.builds(
        review,
        author=st.sampled_from(("ada", "ben", "cleo")),
        state=st.sampled_from(ReviewState),
        head=st.sampled_from((HEAD, OLDER, None)),
    ),
    max_size=12,
).map(tuple)


@given(reviews=REVIEWS)
def test_nobody_counts_twice_or_for_both(reviews):
    found = standing_on(reviews, HEAD)
    people = [r.author for r in (*found.approving, *found.objecting)]
    assert len(people) == len(set(people))
    assert all(r.head == HEAD for r in (*found.approving, *found.objecting))
    elsewhere = tuple(r for r in reviews if r.head != HEAD)
    assert standing_on((*elsewhere, *(r for r in reviews if r.head == HEAD), *elsewhere), HEAD) == found


def test_both_policies_must_let_reviews_count():
    on, off = Policy(count_reviews=True), Policy()
    assert stricter(on, on).count_reviews
    assert not stricter(on, off).count_reviews
    assert not stricter(off, on).count_reviews
