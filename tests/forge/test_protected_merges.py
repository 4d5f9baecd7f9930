"""What a protected branch asks of a pull request: checks, reviews, owners, history."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.forge.proposing import PULLS, REPO, commit, merge, protect, report, review, sha_of, state
from tests.forge.robots import reporter
from tests.forge.world import World

from localforge.pulls.owners import Rule, matches, owners_of
from localforge.pulls.readiness import Facts, decide

CORPUS = Path("../shared/corpora/codeowners_patterns.json")


def test_required_checks(proposed: World) -> None:
    """A status or a check run of that name must have succeeded on the head, whoever asks."""
    protect(proposed, required_status_checks={"strict": False, "contexts": ["unit", "lint"]})
    before = sha_of(proposed, "main")
    assert state(proposed) == "blocked"
    refused = merge(proposed)
    assert refused.status_code == 405
    assert refused.json()["message"] == (
        'Required status check "unit" is expected. Required status check "lint" is expected.'
    )
    report(proposed, "lint", "success")
    head = sha_of(proposed, "topic")
    app = reporter(proposed)
    for conclusion, expected in (("failure", "blocked"), ("success", "clean")):
        body = {"name": "unit", "head_sha": head, "conclusion": conclusion}
        app.post(f"{REPO}/check-runs", json=body)
        assert state(proposed) == expected
    commit(proposed, "topic", "later.txt")
    assert (state(proposed), merge(proposed).status_code) == ("blocked", 405)
    assert sha_of(proposed, "main") == before


def test_strict_checks_need_the_newest_base(proposed: World) -> None:
    """Behind until the base is in the head, and checked there again."""
    protect(proposed, required_status_checks={"strict": True, "contexts": ["unit"]}, enforce_admins=False)
    report(proposed, "unit", "success")
    assert state(proposed) == "clean"
    commit(proposed, "main", "base.txt")
    assert state(proposed) == "behind"
    refused = merge(proposed, login="wim")
    assert (refused.status_code, refused.json()["message"]) == (
        405,
        'Required status check "unit" is expected.',
    )
    proposed.as_("olga").put(f"{PULLS}/1/update-branch")
    assert state(proposed) == "blocked"
    report(proposed, "unit", "success")
    assert state(proposed) == "clean"
    assert merge(proposed, login="wim").status_code == 200


def test_a_strict_branch_expects_all_its_checks_anew(proposed: World) -> None:
    """Green on a head that is behind, several are counted; and where none is named, it is said outright."""
    for name in ("unit", "lint"):
        report(proposed, name, "success")
    commit(proposed, "main", "base.txt")
    for contexts, said in (
        (["unit", "lint"], "2 of 2 required status checks are expected."),
        ([], "The head branch is not up to date with the base branch."),
    ):
        protect(proposed, required_status_checks={"strict": True, "contexts": contexts}, enforce_admins=True)
        refused = merge(proposed)
        assert (refused.status_code, refused.json()["message"], state(proposed)) == (405, said, "behind")
    protect(proposed, required_status_checks={"strict": False, "contexts": ["unit", "lint"]})
    assert (state(proposed), merge(proposed).status_code) == ("clean", 200)


def test_administrators_pass_unless_they_are_bound(proposed: World) -> None:
    """`enforce_admins` off: an administrator merges what is blocked, a writer does not."""
    protect(proposed, required_status_checks={"strict": False, "contexts": ["unit"]}, enforce_admins=False)
    assert (state(proposed), merge(proposed, login="wim").status_code) == ("blocked", 405)
    assert merge(proposed, login="olga").status_code == 200


def test_required_reviews(proposed: World) -> None:
    """Approvals of writers count, the last word of each; a push ends them where the rule says so."""
    protect(
        proposed,
        required_pull_request_reviews={"required_approving_review_count": 1, "dismiss_stale_reviews": True},
    )
    assert "At least 1 approving review is required" in merge(proposed).json()["message"]
    review(proposed, "otto", "APPROVE")
    assert state(proposed) == "blocked"
    review(proposed, "mia", "APPROVE")
    assert state(proposed) == "clean"
    review(proposed, "wim", "REQUEST_CHANGES", "wait")
    assert "Changes have been requested" in merge(proposed).json()["message"]
    review(proposed, "wim", "COMMENT", "hm")
    assert state(proposed) == "blocked"
    review(proposed, "wim", "APPROVE")
    assert state(proposed) == "clean"
    commit(proposed, "topic", "later.txt")
    assert (state(proposed), merge(proposed).status_code) == ("blocked", 405)
    review(proposed, "mia", "APPROVE")
    assert merge(proposed).status_code == 200


def test_approval_of_the_last_push(proposed: World) -> None:
    """Whoever pushed last does not count, nor does an approval from before."""
    protect(
        proposed,
        required_pull_request_reviews={
            "required_approving_review_count": 1,
            "require_last_push_approval": True,
        },
    )
    review(proposed, "mia", "APPROVE")
    assert state(proposed) == "clean"
    commit(proposed, "topic", "later.txt")
    assert merge(proposed).json()["message"] == (
        "New changes require approval from someone other than the last pusher."
    )
    review(proposed, "wim", "APPROVE")
    assert state(proposed) == "clean"


def test_code_owners(proposed: World) -> None:
    """The owner of a changed file must approve; others do not replace them."""
    commit(proposed, "main", ".github/CODEOWNERS", "*.py @wim\n")
    protect(
        proposed,
        required_pull_request_reviews={
            "required_approving_review_count": 1,
            "require_code_owner_reviews": True,
        },
    )
    review(proposed, "mia", "APPROVE")
    assert merge(proposed).json()["message"] == "Waiting on code owner review."
    review(proposed, "wim", "APPROVE")
    assert merge(proposed).status_code == 200


def test_other_rules(proposed: World) -> None:
    """Linear history takes no merge commit; restrictions name who may; conversations are resolved."""
    protect(proposed, required_linear_history=True, required_conversation_resolution=True)
    assert merge(proposed).json()["message"] == "This branch must not contain merge commits."
    place = {"path": "src/widget.py", "line": 2, "body": "why?", "commit_id": sha_of(proposed, "topic")}
    proposed.as_("mia").post(f"{PULLS}/1/comments", json=place)
    assert merge(proposed, merge_method="squash").json()["message"] == "All comments must be resolved."
    protect(proposed, restrictions={"users": ["wim"], "teams": []})
    assert merge(proposed, login="mia").json()["message"] == "You're not authorized to push to this branch."
    assert merge(proposed, login="wim").status_code == 200


FACTS = {
    "open": True,
    "draft": False,
    "conflicts": False,
    "missing": (),
    "behind": False,
    "unsuccessful": False,
}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "clean"),
        ({"unsuccessful": True}, "unstable"),
        ({"behind": True, "unsuccessful": True}, "behind"),
        ({"missing": ("x",), "behind": True}, "blocked"),
        ({"draft": True, "missing": ("x",)}, "draft"),
        ({"conflicts": True, "draft": True}, "dirty"),
        ({"conflicts": None}, "unknown"),
        ({"open": False}, "unknown"),
    ],
)
def test_the_word_for_where_it_stands(facts: dict[str, object], expected: str) -> None:
    """The first that applies, from the gravest."""
    build: Callable[..., Facts] = Facts
    assert decide(build(**(FACTS | facts))) == expected


def test_owners_patterns() -> None:
    """The last matching line counts, also when it names nobody."""
    known = [
        Rule(pattern="*", owners=("@all",)),
        Rule(pattern="/docs/", owners=("@docs",)),
        Rule(pattern="docs/*.gen", owners=()),
    ]
    assert [owners_of(known, path) for path in ("a.py", "docs/x/y.md", "docs/x.gen")] == [
        ("@all",),
        ("@docs",),
        (),
    ]


@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus of CODEOWNERS verdicts is not here")
def test_owners_patterns_as_others_judge_them() -> None:
    """153 verdicts of another implementation."""
    wrong = [
        (case["pattern"], path)
        for case in json.loads(CORPUS.read_text())
        for path, expected in case["paths"].items()
        if matches(case["pattern"], path) != expected
    ]
    assert wrong == []
