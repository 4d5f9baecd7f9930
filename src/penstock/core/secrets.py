"""What looks like a secret, and taking it out of texts: a small set of patterns with almost no false alarm."""

import re
from collections.abc import Iterable

from penstock.core.text import without_unseen

_STARTS, _ENDS = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
"""Around a token; an underscore beside it does not hide it, as a word boundary would."""


def _token(form: str) -> re.Pattern[str]:
    return re.compile(_STARTS + form + _ENDS)


PATTERNS: dict[str, re.Pattern[str]] = {
    "github-token": _token(r"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})"),
    "aws-access-key": _token(r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    "private-key": re.compile(
        r"-----BEGIN ((?:[A-Z]{2,10} ){0,3})PRIVATE KEY-----(?:.*?-----END \1PRIVATE KEY-----|.*)", re.DOTALL
    ),
    "slack-token": _token(r"xox[abprs]-[A-Za-z0-9-]{10,250}"),
    "google-api-key": _token(r"AIza[A-Za-z0-9_-]{35}"),
    "npm-token": _token(r"npm_[A-Za-z0-9]{36}"),
    "pypi-token": _token(r"pypi-AgEI[A-Za-z0-9_-]{50,1000}"),
}
"""Tokens: every quantifier is bounded or over one character class, so matching is linear. A private key goes to its
END line or, cut off, to the end of the text: what a match has passed over is not looked at again, so linear too."""


def find_secrets(text: str, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Ids of the patterns that a text matches, as it stands or as it looks; `known` for any of these in it."""
    looks = without_unseen(text)
    found = [name for name, pattern in PATTERNS.items() if any(map(pattern.search, {text, looks}))]
    return (*found, *("known" for secret in known if secret and secret in looks))


def redact(text: str, known: Iterable[str] = ()) -> str:
    """The text with known secrets and whatever looks like one replaced, before it is used, hashed or stored.

    Characters that nobody sees are taken out too where they kept a secret apart: they may be lost later.
    """
    secrets = tuple(known)
    text = _redacted(text, secrets)
    looks = without_unseen(text)
    clean = text if looks == text else _redacted(looks, secrets)
    return text if clean == looks else clean


def _redacted(text: str, known: tuple[str, ...]) -> str:
    for secret in known:
        if secret:
            text = text.replace(secret, "[redacted]")
    for name, pattern in PATTERNS.items():
        text = pattern.sub(f"[redacted {name}]", text)
    return text
