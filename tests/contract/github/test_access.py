"""What `check_access` says of tokens, in words."""

import pytest
from tests.contract.github.setting import REPO, Asked, Reply, serving

from penstock.adapters.github import needs
from penstock.adapters.github.access import check_access, lacking
from penstock.ports import Permanent

FORBIDDEN = Reply(status=403, body={"message": "Resource not accessible by personal access token"})
NOT_FOUND = Reply(status=404, body={"message": "Not Found"})
NOT_PROTECTED = Reply(status=404, body={"message": "Branch not protected"})


def forge(
    *,
    scopes: str | None = None,
    push: bool = True,
    private: bool = True,
    refusals: dict[str, Reply] | None = None,
):
    repository = {
        "node_id": "R_1",
        "full_name": "acme/widget",
        "default_branch": "main",
        "archived": False,
        "private": private,
        "clone_url": "u",
        "permissions": {"push": push},
    }

    def script(asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        for part, reply in (refusals or {}).items():
            if path.endswith(part):
                return reply
        headers = {} if scopes is None else {"x-oauth-scopes": scopes}
        if path == "/user":
            return Reply(body={"login": "bot"}, headers=headers)
        if path == "/repos/acme/widget":
            return Reply(body=repository)
        return NOT_PROTECTED if path.endswith("/protection") else Reply(body=[])

    return script


def test_what_a_token_is_asked_to_have() -> None:
    """Checks and statuses are only read: nobody is their own CI."""
    assert {name: level for name, level, _ in needs.explained()} == {
        "Actions": "read and write",
        "Administration": "read",
        "Checks": "read",
        "Code scanning alerts": "read",
        "Commit statuses": "read",
        "Contents": "read and write",
        "Dependabot alerts": "read",
        "Issues": "read and write",
        "Members": "read",
        "Metadata": "read",
        "Pull requests": "read and write",
        "Secret scanning alerts": "read",
        "Variables": "read",
        "Variables of the organization": "read",
        "Workflows": "read and write",
    }
    assert set(needs.permissions_of(*needs.READS).values()) == {"read"}
    (contents,) = [why for name, _, why in needs.explained() if name == "Contents"]
    assert (
        contents
        == "to read branches, tags and commits; write branches, tags and commits; merge pull requests"
    )


@pytest.mark.parametrize(
    ("scopes", "private", "missing"),
    [
        ("repo, workflow", True, ()),
        ("repo", True, (needs.WRITE_WORKFLOWS,)),
        ("public_repo, workflow", False, ()),
        ("public_repo, workflow", True, needs.WRITES[:-1]),
        ("", False, needs.WRITES),
    ],
)
def test_scopes_of_a_classic_token(scopes: str, private: bool, missing: tuple[needs.Need, ...]) -> None:
    with serving(forge(scopes=scopes, private=private)) as (kit, _):
        access = check_access(kit.reads, REPO, judges=True, writes=True)
    assert access.login == "bot"
    assert access.missing == missing
    assert access.unproven == ()


def test_a_reader_needs_no_scope_to_write() -> None:
    with serving(forge(scopes="")) as (kit, _):
        assert check_access(kit.reads, REPO, judges=True, writes=False).missing == ()


def test_a_fine_grained_token_shows_what_it_may_read_and_not_what_it_may_write() -> None:
    refusals = {"/check-runs": FORBIDDEN, "/protection": FORBIDDEN}
    with serving(forge(refusals=refusals)) as (kit, asked):
        access = check_access(kit.reads, REPO, judges=True, writes=True)
    assert set(access.missing) == {needs.CHECKS, needs.PROTECTION}
    assert access.unproven == needs.WRITES
    assert set(access.sentences) == {
        "Checks (read) is missing, to read whether CI passed",
        "Administration (read) is missing, to read which checks a branch demands",
    }
    assert {request.method for request in asked} == {"GET"}


def test_hidden_protection_is_not_absent_protection() -> None:
    with serving(forge(refusals={"/protection": NOT_FOUND})) as (kit, _):
        assert check_access(kit.reads, REPO, judges=True, writes=False).missing == (needs.PROTECTION,)


def test_a_token_that_only_writes_need_not_read_what_judgements_rest_on() -> None:
    refusals = {"/check-runs": FORBIDDEN, "/protection": FORBIDDEN, "/status": FORBIDDEN}
    with serving(forge(scopes="repo, workflow", refusals=refusals)) as (kit, _):
        assert check_access(kit.reads, REPO, judges=False, writes=True).missing == ()


@pytest.mark.parametrize("same", [True, False])
def test_what_two_tokens_lack_together(same: bool) -> None:
    """Each sentence names its token; a token that is both is asked once."""
    with serving(forge(scopes="repo", refusals={"/protection": FORBIDDEN})) as (kit, _):
        writer = kit.reads
        if not same:
            kit.token = "ghp_" + "b" * 36
        said = lacking(REPO, reader=kit.reads, writer=writer)
    protection = "Administration (read) is missing, to read which checks a branch demands"
    workflows = "Workflows (read and write) is missing, to change workflow files where a person approved it"
    assert said == tuple(f"{sentence} (the token in PENSTOCK_TOKEN)" for sentence in (protection, workflows))


def test_a_role_that_may_not_push_misses_every_write() -> None:
    with serving(forge(push=False)) as (kit, _):
        assert check_access(kit.reads, REPO, judges=True, writes=True).missing == needs.WRITES


def test_an_invisible_repository_is_all_that_is_said() -> None:
    with serving(forge(refusals={"/repos/acme/widget": NOT_FOUND})) as (kit, _):
        access = check_access(kit.reads, REPO, judges=True, writes=True)
    assert access.sentences == ("Metadata (read) is missing, to read repositories",)


def test_a_token_that_is_not_valid_at_all_is_an_error() -> None:
    wrong = Reply(status=401, body={"message": "Bad credentials"})
    with serving(lambda _: wrong) as (kit, _), pytest.raises(Permanent) as refused:
        check_access(kit.reads, REPO, judges=True, writes=True)
    assert refused.value.code == "unauthorized"
