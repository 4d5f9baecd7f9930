"""Secrets in texts: the whole of one is taken out, wherever it stands, and what is around it stays."""

import time

import pytest

from penstock.core.secrets import find_secrets, redact

BODY = "\n".join(f"MIIEvQ{n}" + "x" * 58 for n in range(12))
GITHUB, AWS = "ghp_" + "a" * 36, "AKIA" + "B7" * 8
GOOGLE = "AIza" + "c-" * 17 + "-"
NPM, PYPI = "npm_" + "d" * 36, "pypi-" + "AgEI" + "e" * 60
SLACK = "xoxb-" + "1" * 12


def edge(side: str, kind: str = "") -> str:
    return f"-----{side} {kind}PRIVATE " + "KEY-----"


def key(kind: str = "", end: str | None = None) -> str:
    return f"{edge('BEGIN', kind)}\n{BODY}\n{edge('END', kind if end is None else end)}"


KEYS = [
    ("whole", f"a {key()} z", "a [redacted private-key] z"),
    ("of a named kind", f"a {key('RSA ')} z", "a [redacted private-key] z"),
    ("in one JSON string", "a " + key("EC ").replace("\n", "\\n") + " z", "a [redacted private-key] z"),
    ("quoted by a diff", "a " + key().replace("\n", "\n+") + " z", "a [redacted private-key] z"),
    (
        "two, and text between",
        f"a {key()} b {key('RSA ')} z",
        "a [redacted private-key] b [redacted private-key] z",
    ),
    ("cut off", f"a {edge('BEGIN')}\n{BODY[:200]}", "a [redacted private-key]"),
    ("ended as another kind", f"a {key('RSA ', end='EC ')} z", "a [redacted private-key]"),
    ("a certificate", f"a -----BEGIN CERTIFICATE-----\n{BODY} z", f"a -----BEGIN CERTIFICATE-----\n{BODY} z"),
]


@pytest.mark.parametrize(("what", "text", "left"), KEYS, ids=[k[0] for k in KEYS])
def test_a_private_key_is_taken_out_whole(what, text, left):
    assert redact(text) == left
    assert bool(find_secrets(text)) is (text != left)


@pytest.mark.parametrize("around", ["{}", "my_{}", "{}_old", "X={};", "/{}/", "({})", "é{}"])
@pytest.mark.parametrize(
    ("rule", "token"),
    [
        ("github-token", GITHUB),
        ("aws-access-key", AWS),
        ("google-api-key", GOOGLE),
        ("npm-token", NPM),
        ("pypi-token", PYPI),
        ("slack-token", SLACK),
    ],
)
def test_a_token_is_found_whatever_is_beside_it(rule, token, around):
    if rule in {"google-api-key", "pypi-token"} and around == "{}_old":
        around = "{} old"  # an underscore is of these tokens' own alphabet
    text = around.format(token)
    assert find_secrets(text) == (rule,)
    assert token not in redact(text)


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u2060", "\u202e", "\x1b", "\u200d", "\u034f", "\ufe0f", "\U000e0041"]
)
@pytest.mark.parametrize("secret", [GITHUB, AWS, key()], ids=["token", "short token", "key"])
def test_characters_that_nobody_sees_keep_no_secret_apart(hidden: str, secret: str):
    text = f"{hidden}a {hidden.join(secret)} z"
    assert find_secrets(text)
    assert redact(text).startswith("a [redacted ")
    known = "k1-" + "Z9" * 9
    assert redact(f"a {hidden.join(known)} z", (known,)) == "a [redacted] z"


def test_where_no_secret_is_such_characters_stay_to_be_shown_for_what_they_are():
    text = f"a\u202eb \u2764\ufe0f {GITHUB}"
    assert redact(text) == "a\u202eb \u2764\ufe0f [redacted github-token]"


@pytest.mark.parametrize("text", ["ghp_short", "AKIA", f"{AWS}AAAA", f"x{AWS}", f"base64{GITHUB}"])
def test_what_is_no_token_stays(text):
    assert find_secrets(text) == ()
    assert redact(text) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", [edge("BEGIN"), edge("BEGIN", "RSA ") + edge("END"), "-----BEGIN ", "-----END ", "gh"]
)
def test_the_time_grows_with_the_text_only(piece):
    began = time.process_time()
    redact(piece * (2_000_000 // len(piece)))
    assert time.process_time() - began < 2
