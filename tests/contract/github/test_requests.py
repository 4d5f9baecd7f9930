"""One request on a real socket: what is sent, what is repeated, and what a failure becomes."""

import logging
import socket
import traceback
from dataclasses import replace

import httpx
import pytest
from tests.contract.github.setting import CUT, NOW, TOKEN, Going, Kit, Reply, StopAfter, sequence, serving

from penstock.adapters.github import needs, wire
from penstock.adapters.github.account import API_VERSION, PATIENCE, Account
from penstock.adapters.github.credential import Credential, single_credential
from penstock.adapters.github.failures import Ambiguous, Limited, Refused
from penstock.adapters.github.reading import MAX_PAGES
from penstock.adapters.github.writing import Mutation
from penstock.ports import Permanent, Transient

POST = Mutation(
    method="POST", path="repos/a/b/issues/1/comments", need=needs.WRITE_ISSUES, body={"body": "x"}
)
PUT = Mutation(method="PUT", path="repos/a/b/pulls/1/merge", need=needs.MERGE, body={"sha": "x"})
USER = Reply(body={"login": "bot"})


def read(kit: Kit) -> str:
    return kit.reads.get("user", wire.Login, needs.IDENTITY).login


def write(kit: Kit, mutation: Mutation = POST) -> None:
    kit.writes.send(mutation, wire.Anything, Going())


def test_headers() -> None:
    with serving(sequence(USER)) as (kit, asked):
        assert read(kit) == "bot"
    headers = asked[0].headers
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["x-github-api-version"] == API_VERSION == "2022-11-28"
    assert headers["user-agent"].startswith("penstock/")


def test_an_etag_is_sent_back_and_a_304_is_answered_from_what_is_kept() -> None:
    tagged = Reply(body={"login": "bot"}, headers={"etag": '"v1"'})
    changed = Reply(body={"login": "new"}, headers={"etag": '"v2"'})
    with serving(sequence(tagged, Reply(status=304), changed)) as (kit, asked):
        client = kit.reads
        assert [client.get("user", wire.Login, needs.IDENTITY).login for _ in range(3)] == [
            "bot",
            "bot",
            "new",
        ]
    assert [request.headers.get("if-none-match") for request in asked] == [None, '"v1"', '"v1"']


def test_what_one_credential_may_see_is_not_kept_for_another() -> None:
    with serving(sequence(Reply(body={"login": "bot"}, headers={"etag": '"v1"'}), USER)) as (kit, asked):
        read(kit)
        kit.token = "ghp_" + "b" * 36
        read(kit)
    assert "if-none-match" not in asked[1].headers


@pytest.mark.parametrize("first", [CUT, Reply(status=500), Reply(status=502), Reply(status=503)])
def test_a_read_is_repeated_with_growing_pauses(first: Reply) -> None:
    with serving(sequence(first, first, USER)) as (kit, asked):
        assert read(kit) == "bot"
    assert len(asked) == 3
    assert kit.clock.slept == [0.5, 2.0]


@pytest.mark.parametrize(
    ("reply", "code"),
    [(CUT, "unreachable"), (Reply(status=500), "server_error"), (Reply(status=502), "server_error")],
)
def test_a_read_is_given_up_after_three_times(reply: Reply, code: str) -> None:
    with serving(lambda _: reply) as (kit, asked), pytest.raises(Transient) as failed:
        read(kit)
    assert failed.value.code == code
    assert len(asked) == 3


@pytest.mark.parametrize("mutation", [POST, PUT])
@pytest.mark.parametrize("reply", [CUT, Reply(status=500), Reply(status=502), Reply(status=504)])
def test_a_write_is_never_repeated_blindly(mutation: Mutation, reply: Reply) -> None:
    with serving(lambda _: reply) as (kit, asked), pytest.raises(Ambiguous):
        write(kit, mutation)
    assert len(asked) == 1


def test_an_unreachable_forge_is_no_ambiguity() -> None:
    """Nothing was sent, so nothing has to be looked for."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with httpx.Client() as http, pytest.raises(Transient) as failed:
        write(Kit(http=http, base_url=f"http://127.0.0.1:{port}"))
    assert failed.value.code == "unreachable"
    assert not isinstance(failed.value, Ambiguous)


def test_a_timeout_is_ambiguous() -> None:
    def slow(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too slow")

    with httpx.Client(transport=httpx.MockTransport(slow)) as http, pytest.raises(Ambiguous):
        write(Kit(http=http, base_url="https://forge.test"))


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(status=403, headers={"retry-after": "3"}),
        Reply(status=429, headers={"retry-after": "3"}),
    ],
)
@pytest.mark.parametrize("act", [read, write])
def test_a_refusal_for_a_limit_is_waited_for_and_repeated(refusal: Reply, act: object) -> None:
    """Writes too: a refused one did not happen."""
    assert callable(act)
    with serving(sequence(refusal, USER)) as (kit, asked):
        act(kit)
    assert len(asked) == 2
    assert sum(kit.clock.slept) == pytest.approx(3.0)


def test_a_long_limit_says_when_to_come_back() -> None:
    refusal = Reply(status=403, body={"message": "You have exceeded a secondary rate limit."})
    with serving(lambda _: refusal) as (kit, asked):
        client = kit.reads
        with pytest.raises(Limited) as limited:
            client.get("user", wire.Login, needs.IDENTITY)
        assert limited.value.retry_after == 60.0
        with pytest.raises(Transient) as held:
            client.get("user", wire.Login, needs.IDENTITY)
    assert held.value.code == "rate_limited"
    assert held.value.retry_after == pytest.approx(60.0)
    assert len(asked) == 1
    assert kit.clock.slept == []


def test_a_spent_budget_is_not_asked_beyond() -> None:
    """The last answer said that nothing remains: the next request waits for the reset, unsent."""
    spent = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(NOW.timestamp()) + 900),
    }
    with serving(sequence(Reply(body={"login": "a"}, headers=spent), USER)) as (kit, asked):
        client = kit.reads
        client.get("user", wire.Login, needs.IDENTITY)
        with pytest.raises(Transient) as held:
            client.get("user", wire.Login, needs.IDENTITY)
        assert held.value.retry_after == pytest.approx(900.0)
        assert len(asked) == 1
        kit.clock.sleep(900 - PATIENCE / 2)
        client.get("user", wire.Login, needs.IDENTITY)
        assert kit.clock.slept[-1] == pytest.approx(PATIENCE / 2)
    assert len(asked) == 2


def test_a_budget_counts_for_its_own_resource() -> None:
    headers = {
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "99999999999",
        "x-ratelimit-resource": "search",
    }
    with serving(sequence(Reply(body={"login": "a"}, headers=headers), USER)) as (kit, asked):
        client = kit.reads
        client.get("search/issues", wire.Login, needs.ISSUES)
        client.get("user", wire.Login, needs.IDENTITY)
        with pytest.raises(Transient):
            client.get("search/issues", wire.Login, needs.ISSUES)
    assert len(asked) == 2


def test_a_wrong_token_says_where_to_look() -> None:
    wrong = Reply(status=401, body={"message": "Bad credentials"})
    with serving(lambda _: wrong) as (kit, asked), pytest.raises(Refused) as refused:
        read(kit)
    assert refused.value.code == "unauthorized"
    assert "PENSTOCK_TOKEN" in str(refused.value)
    assert "Bad credentials" in str(refused.value)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (
            {"x-accepted-github-permissions": "contents=write,workflows=write; administration=read"},
            "Contents (read and write) and Workflows (read and write), or Administration (read)",
        ),
        ({"x-accepted-oauth-scopes": "repo, public_repo"}, "one of the scopes repo, public_repo"),
        ({}, "the permission Issues (read and write)"),
    ],
)
def test_an_under_scoped_token_says_which_permission_and_for_what(
    headers: dict[str, str], words: str
) -> None:
    refusal = Reply(
        status=403, body={"message": "Resource not accessible by personal access token"}, headers=headers
    )
    with serving(lambda _: refusal) as (kit, _), pytest.raises(Refused) as refused:
        write(kit)
    assert refused.value.code == "forbidden"
    assert words in str(refused.value)
    assert "comment on, label and close issues" in str(refused.value)
    assert "PENSTOCK_TOKEN" in str(refused.value)


@pytest.mark.parametrize("body", [None, [], "text", {"id": 7}, {"login": None}])
def test_an_undocumented_body_is_an_unexpected_answer(body: object) -> None:
    with serving(lambda _: Reply(body=body)) as (kit, _), pytest.raises(Permanent) as failed:
        read(kit)
    assert failed.value.code == "unexpected_answer"


def test_pages_are_bounded() -> None:
    """A list that never ends is an error, not a part taken for the whole."""

    def endless(_asked: object) -> Reply:
        return Reply(body=[], headers={"link": f'<{kit.base_url}/x?page=2>; rel="next"'})

    with serving(endless) as (kit, asked), pytest.raises(Permanent) as failed:
        list(kit.reads.pages("x", wire.Labels, needs.ISSUES))
    assert failed.value.code == "too_much"
    assert len(asked) == MAX_PAGES


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=302, headers={"location": "http://elsewhere.test/x"}),
        Reply(status=302, headers={"location": "http://["}),
        Reply(status=302, headers={"location": "file:///etc/passwd"}),
        Reply(body={"login": "a"}, headers={"link": '<http://elsewhere.test/x>; rel="next"'}),
    ],
)
def test_the_token_goes_nowhere_else(reply: Reply) -> None:
    with serving(lambda _: reply) as (kit, asked), pytest.raises(Permanent) as failed:
        list(kit.reads.pages("x", wire.Login, needs.ISSUES))
    assert failed.value.code == "unexpected_answer"
    assert len(asked) == 1


def test_redirects_end() -> None:
    around = Reply(status=301, headers={"location": "/again"})
    with serving(lambda _: around) as (kit, asked), pytest.raises(Permanent, match="redirects"):
        read(kit)
    assert len(asked) == 4


def test_text_that_is_no_unicode_is_not_sent() -> None:
    """Paths of stray bytes come as lone surrogates, which JSON cannot carry."""
    stray = replace(POST, body={"path": b"caf\xe9".decode("utf-8", "surrogateescape")})
    with serving(lambda _: USER) as (kit, asked), pytest.raises(Permanent) as failed:
        write(kit, stray)
    assert failed.value.code == "unsendable"
    assert asked == []


def test_a_stopped_write_is_not_sent() -> None:
    with serving(lambda _: USER) as (kit, asked), pytest.raises(Transient) as stopped:
        kit.writes.send(POST, wire.Anything, StopAfter(0))
    assert stopped.value.code == "stopped"
    assert asked == []


def test_a_write_that_waits_for_a_limit_is_still_stopped() -> None:
    """The flag is asked again before the second attempt."""
    limited = Reply(status=429, headers={"retry-after": "2"})
    with serving(lambda _: limited) as (kit, asked), pytest.raises(Transient) as stopped:
        kit.writes.send(POST, wire.Anything, StopAfter(1))
    assert stopped.value.code == "stopped"
    assert len(asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=401, body={"message": f"Bad credentials {TOKEN}"}),
        Reply(status=403),
        Reply(status=500),
        CUT,
        Reply(status=302, headers={"location": "http://elsewhere.test/"}),
    ],
)
def test_the_token_is_never_shown(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    """Not in an error, its causes, a log at the lowest level, or a repr; not even if the forge repeats it."""
    caplog.set_level(logging.DEBUG)
    with serving(lambda _: reply) as (kit, _):
        with pytest.raises(Exception) as failed:  # noqa: PT011
            read(kit)
        shown = [
            "".join(traceback.format_exception(failed.value)),
            repr(failed.value),
            repr(vars(failed.value)),
            caplog.text,
            repr(kit.account.credential),
            repr(kit.account),
        ]
    assert not any(TOKEN in text for text in shown)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\n", "ümlaut", "tab\t"])
def test_an_unusable_token_is_refused_before_it_is_sent(token: str) -> None:
    with pytest.raises(Permanent) as refused:
        Credential(token=token, source="PENSTOCK_TOKEN")
    assert refused.value.code == "unauthorized"
    assert "PENSTOCK_TOKEN" in str(refused.value)
    assert not token.strip() or token not in str(refused.value)


def test_one_token_for_both_is_noticed() -> None:
    one, same = Credential(token=TOKEN, source="A"), Credential(token=TOKEN, source="B")
    assert single_credential(one, same)
    assert not single_credential(one, Credential(token="ghp_" + "b" * 36, source="B"))
    assert one.id == same.id
    assert TOKEN not in one.id


@pytest.mark.parametrize("address", ["", "api.github.com", "ftp://forge.test", "http://", "http://["])
def test_a_bad_address_is_refused(address: str) -> None:
    kit = Kit(http=httpx.Client(), base_url=address)
    with pytest.raises(Permanent) as refused:
        _ = kit.account
    assert refused.value.code == "bad_address"
    kit.http.close()


@pytest.mark.parametrize(
    ("base", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://github.example/api/v3", "https://github.example/api/graphql"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/graphql"),
    ],
)
def test_graphql_is_beside_rest(base: str, graphql: str) -> None:
    kit = Kit(http=httpx.Client(), base_url=base)
    account: Account = kit.account
    assert account.graphql_url == graphql
    kit.http.close()
