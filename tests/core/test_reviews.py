"""Reviews count on exactly one commit, the last word of each person on it, whenever it was said."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.evidence import ReviewFact, ReviewState
from penstock.core.policy.rules import Policy, stricter
from penstock.core.refs import Sha
from penstock.core.reviews import lacking, spoken, standing_on

HEAD, OLDER = Sha("1" * 40), Sha("2" * 40)
YES, NO, REMARK, GONE = (
    ReviewState.APPROVED,
    ReviewState.CHANGES_REQUESTED,
    ReviewState.COMMENTED,
    ReviewState.DISMISSED,
)


def review(author: str, state: ReviewState, head: Sha | None = HEAD, *, person: bool = True) -> ReviewFact:
    return ReviewFact(name="review", author=author, state=state, head=head, person=person)


def comment(author: str, state: ReviewState, head: Sha = HEAD) -> ReviewFact:
    return replace(review(author, state, head), comment=True)


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
    ("a bot's yes", (review("bot", YES, person=False),), [], []),
    ("a bot's no", (review("bot", NO, person=False),), [], []),
    ("a yes in a comment", (comment("ada", YES),), ["ada"], []),
    ("a yes in a comment to another commit", (comment("ada", YES, OLDER),), [], []),
    ("a no, then a yes, in comments", (comment("ada", NO), comment("ada", YES)), ["ada"], []),
    ("both", (review("ada", YES), comment("ada", YES)), ["ada"], []),
    ("a no, and a yes in a comment", (review("ada", NO), comment("ada", YES)), [], ["ada"]),
    ("a yes, and a no in a comment", (review("ada", YES), comment("ada", NO)), [], ["ada"]),
    ("a dismissed one, and a yes in a comment", (review("ada", GONE), comment("ada", YES)), [], []),
    ("a remark, and a yes in a comment", (review("ada", REMARK), comment("ada", YES)), ["ada"], []),
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


def test_to_a_branch_comments_are_no_reviews():
    assert lacking(standing_on((comment("ada", YES), review("ben", YES)), HEAD), 2) == 1
    assert lacking(standing_on((comment("ada", NO), review("ben", YES)), HEAD), 1) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"/approve {HEAD}", (YES, HEAD)),
        (f"\n/object {HEAD} \r\n", (NO, HEAD)),
        (f"/approve {HEAD[:10]}", None),
        ("/approve", None),
        (f"approve {HEAD}", None),
        (f"/Approve {HEAD}", None),
        (f"> /approve {HEAD}", None),
        (f"`/approve {HEAD}`", None),
        (f"Write\n/approve {HEAD}", None),
        (f"/approve {HEAD}\n/approve {OLDER}", None),
        (f"<!-- -->/approve {HEAD}", None),
        (f"/approve {HEAD} unless it rains", None),
        (f"/approve {HEAD}{HEAD}", None),
        ("", None),
    ],
)
def test_a_comment_counts_that_says_nothing_else(text, said):
    assert spoken(text) == said


REVIEWS = st.lists(
    st.builds(
        ReviewFact,
        name=st.just("review"),
        author=st.sampled_from(("ada", "Ada", "ben", "cleo")),
        state=st.sampled_from(ReviewState),
        head=st.sampled_from((HEAD, OLDER, None)),
        person=st.booleans(),
        comment=st.booleans(),
    ),
    max_size=12,
).map(tuple)


@given(reviews=REVIEWS)
def test_nobody_counts_twice_or_for_both(reviews):
    found = standing_on(reviews, HEAD)
    people = [r.author.casefold() for r in (*found.approving, *found.objecting)]
    assert len(people) == len(set(people))
    assert all(r.head == HEAD and r.person for r in (*found.approving, *found.objecting))
    elsewhere = tuple(r for r in reviews if r.head != HEAD)
    assert standing_on((*elsewhere, *(r for r in reviews if r.head == HEAD), *elsewhere), HEAD) == found


def test_both_policies_must_let_reviews_count():
    on, off = Policy(count_reviews=True), Policy()
    assert stricter(on, on).count_reviews
    assert not stricter(on, off).count_reviews
    assert not stricter(off, on).count_reviews
