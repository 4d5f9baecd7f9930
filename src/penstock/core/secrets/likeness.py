"""Whether a value could be a secret at all: how much of it is chance, or whether it only stands for one."""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from math import log2

from penstock.core.secrets.rules import Compile, Expression

_NAME = r"[a-z_][a-z0-9_]*"
_KINDS = (
    r"pass(?:word|wd|phrase|code)?s?|pwd|pw|secrets?|tokens?|keys?|credentials?|creds?|user(?:name)?s?|logins?"
    r"|values?|strings?|text|hash|hidden"
)
_OWNERS = (
    r"my|your|the|an?|some|any|new|old|current|confirm|wrong|invalid|bad|correct|valid|fake|dummy|sample|example"
    r"|default|user|db|database|root|admin|api|auth|access|client|app|private|public|bot|login|account|server|enter"
    r"|insert|put|set|add|use|from|input|no|not|is|for|of|to|and|goes|here|id|name|field|type|label|hint|tests?"
    r"|testing|challenge"
)
_PLACEHOLDERS = (
    rf"(?:(?:{_OWNERS}|{_KINDS})[ _.:/-]*)+[\d!?.*]{{0,3}}",
    r"(?:change[ _.-]?(?:this|me|it)|replace[ _.-]?(?:this|me|with)?|fill[ _.-]?(?:in|me)|todo|tbd|fixme|xxx).*",
    r".*(?:redacted|placeholder|your[_-]|<[a-z_ -]+>).*|.*[_-]here",
    r"masked|removed|censored|unknown|n/?a|nil|null|none|undefined|true|false|yes|empty|unset|required|optional",
    r"str|int(?:eger)?|bool(?:ean)?|object|number|bytes?|any|self|this|void|var|char|date|uuid|list|dict|array|map",
    r"pass(?:ed)?|fail(?:ed)?|skip(?:ped)?|always|never|ok|pending|green|error",
    r"(?:foo|bar|baz|qux|spam|eggs|blah|lorem|ipsum|asdf|qwerty)+\d{0,3}",
    r"[x*.#_=?-]+",
)
"""Lower-case values that say what belongs in their place."""
_TEMPLATES = (
    r"\$?\{.*\}|\$\(.*\)|\{\{.*|<.*>|\[.*\]|\(.*\)|@.*@|__.*__|#\{.*|%\(?[a-z_]+\)?[%sd]?",
    rf"\$[a-z_{{(].*|&[a-z_]\w*;?|\\[ux\d].{{0,4}}|[!*&]{_NAME}",
    r"(?:https?|file)://[^:@]*|~?/[\w./-]*|\.{1,2}/.*",
    rf".*(?:\$\{{|\{{\{{|\$\(|<%|%s|\{{\}}|\{{{_NAME}\}}).*",
)
_CODE = (
    rf"{_NAME}(?:(?:\.|::|->|\?\.){_NAME})+(?:[(\[].*)?[;,)]*",  # an attribute, or a call of one
    rf"{_NAME}(?:\(.*|\[.*)",  # a call, an item
    r"(?:new|await|lambda|return|not|func|function|typeof|process\.env|os\.environ|env|config|settings)(?:\W.*)?",
)


def entropy(value: bytes) -> float:
    """Shannon's, in bits per byte."""
    size = len(value)
    return -sum(n / size * log2(n / size) for n in Counter(value).values())


class Likeness:
    """`words`: lower case; no random value contains one of them."""

    def __init__(self, words: Iterable[str], compile_: Compile) -> None:
        self._words = tuple(word.encode() for word in words)
        self._compile = compile_

    def stands_for_one(self, value: bytes) -> bool:
        """Is it a placeholder, a template or code that fetches the value elsewhere."""
        low = value.strip(b" \t\"'`").lower()
        return len(set(low)) < 2 or self._standing.search(low) is not None

    def reads_as_words(self, value: bytes) -> bool:
        """Not drawn by chance."""
        low = value.lower()
        return any(word in low for word in self._words)

    @cached_property
    def _standing(self) -> Expression:
        return self._compile(rf"^(?:{'|'.join((*_PLACEHOLDERS, *_TEMPLATES, *_CODE))})$")
