"""The few rules with almost no false alarm that hold everywhere, even where no rule book was read."""

import re

from penstock.core.secrets.rules import Expression, Rule, RuleBook, Source
from penstock.core.secrets.scanner import Scanner

_OWN = "penstock"
_STANDS_FOR_ONE = r"(?i:x{6}|example|\.\.\.|#{4}|token-?here|string-?here)"


def _token(rule: str, form: str, *keywords: str, exclude: tuple[str, ...] = ()) -> Rule:
    """An underscore beside a token does not hide it, as a word boundary would."""
    expression = f"(?:^|[^A-Za-z0-9])({form})(?:[^A-Za-z0-9]|$)"
    exclude = (_STANDS_FOR_ONE, *exclude)
    return Rule(id=rule, source=_OWN, expression=expression, keywords=keywords, exclude=exclude, rank=3)


RULES = (
    _token(
        "github-token",
        "gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
        *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    _token("aws-access-key", "(?:AKIA|ASIA)[A-Z0-9]{16}", "akia", "asia"),
    _token(
        "slack-token",
        "xox[abprs]-[A-Za-z0-9-]{10,250}",
        *("xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"),
        exclude=("^[a-z-]+$",),
    ),
    _token("google-api-key", "AIza[A-Za-z0-9_-]{35}", "aiza"),
    _token("npm-token", "npm_[A-Za-z0-9]{36}", "npm_"),
    _token("pypi-token", "pypi-AgEI[A-Za-z0-9_-]{50,1000}", "pypi-agei"),
    Rule(
        id="private-key",
        source=_OWN,
        expression=r"-----BEGIN ((?:[A-Z0-9]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?)-----",
        keywords=("private key",),
        until="-----END {}-----",
        require=(r"^(?s:.{0,1000})[A-Za-z0-9+/=]{32}",),
        rank=4,
    ),
)
BOOK = RuleBook(sources=(Source(name=_OWN, version="", licence="MIT"),), rules=RULES)


def _compiled(expression: str) -> Expression:
    return re.compile(expression.encode())


BUILT_IN = Scanner(BOOK, _compiled, lambda _: range(len(RULES)))
