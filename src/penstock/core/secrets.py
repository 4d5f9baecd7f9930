"""What looks like a secret, and taking it out of texts: a small set of patterns with almost no false alarm."""

import re
from collections.abc import Iterable

PATTERNS: dict[str, re.Pattern[str]] = {
    "github-token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b"),
    "aws-access-key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "private-key": re.compile(r"-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY-----"),
    "slack-token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,250}\b"),
    "google-api-key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "npm-token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "pypi-token": re.compile(r"\bpypi-AgEI[A-Za-z0-9_-]{50,1000}\b"),
}
"""Every quantifier is bounded or over one character class, so matching is linear."""


def find_secrets(text: str) -> tuple[str, ...]:
    """Ids of the patterns that a text matches."""
    return tuple(name for name, pattern in PATTERNS.items() if pattern.search(text))


def redact(text: str, known: Iterable[str] = ()) -> str:
    """The text with known secrets and whatever looks like one replaced, before it is used, hashed or stored."""
    for secret in known:
        if secret:
            text = text.replace(secret, "[redacted]")
    for name, pattern in PATTERNS.items():
        text = pattern.sub(f"[redacted {name}]", text)
    return text
