"""Whether a value could be a secret at all: how much of it is chance, or whether it only stands for one."""

import re
from collections import Counter
from collections.abc import Iterable
from math import log2

_NAME = rb"[a-z_][a-z0-9_]*"
_KINDS = rb"pass(?:word|wd|phrase|code)?s?|pwd|pw|secrets?|tokens?|keys?|credentials?|creds?|user(?:name)?s?|logins?|values?|strings?|text|hash|hidden"
_OWNERS = rb"my|your|the|an?|some|any|new|old|current|confirm|wrong|invalid|bad|correct|valid|fake|dummy|sample|example|default|user|db|database|root|admin|api|auth|access|client|app|private|public|bot|login|account|server|enter|insert|put|set|add|use|from|input|no|not|is|for|of|to|and|goes|here|id|name|field|type|label|hint|test|testing|tests"
_PLACEHOLDER = re.compile(
    rb"(?:"
    rb"(?:(?:" + _OWNERS + rb"|" + _KINDS + rb")(?:[ _.:/-]+|$|(?=[a-z])))+[\d!?.*]{0,3}"
    rb"|(?:changeme|change[ _.-]?(?:this|me|it)|replace[ _.-]?(?:this|me|with)?|fill[ _.-]?(?:in|me)|todo|tbd|fixme|xxx).*"
    rb"|.*(?:redacted|placeholder|your[_-]|[_-]here$|<[a-z_ -]+>).*"
    rb"|masked|removed|censored|unknown|n/?a|nil|null|none|undefined|true|false|yes|empty|unset|required|optional"
    rb"|str|int(?:eger)?|bool(?:ean)?|object|number|bytes?|any|self|this|void|var|char|date|uuid|list|dict|array|map"
    rb"|(?:foo|bar|baz|qux|spam|eggs|blah|lorem|ipsum|asdf|qwerty)+\d{0,3}"
    rb"|(.)\1*|[x*.#_=?\xe2\x80\xa2-]+"
    rb")"
)
"""A lower-case value that says what belongs in its place."""
_TEMPLATE = re.compile(
    rb"\$?\{.*\}|\$\(.*\)|\{\{.*|<.*>|%\(?[a-z_]+\)?[%sd]?|\[.*\]|\(.*\)|@.*@|__.*__|#\{.*"
    rb"|\$[a-z_{(].*|&[a-z_]\w*;?|\\[ux\d].{0,4}|[!*&]"
    + _NAME
    + rb"|%[a-z]|(?:https?|file)://[^:@]*|~?/[\w./-]*|\.{1,2}/.*"
    rb"|.*(?:\$\{|\{\{|\$\(|<%|%s|\{\}|\{" + _NAME + rb"\}).*"
)
_CODE = re.compile(
    _NAME + rb"(?:(?:\.|::|->|\?\.)" + _NAME + rb")+(?:[(\[].*)?[;,)]*"  # an attribute, a call on one
    rb"|" + _NAME + rb"(?:\(.*|\[.*)"  # a call, an item
    rb"|(?:new|await|lambda|return|not|func|function|typeof|process\.env|os\.environ|env|config|settings)\b.*"
)
_DIGIT = re.compile(rb"\d")


def entropy(value: bytes) -> float:
    """Shannon's, in bits per byte."""
    size = len(value)
    return -sum(n / size * log2(n / size) for n in Counter(value).values())


def stands_for_one(value: bytes) -> bool:
    """Is it a placeholder, a template or code that fetches the value elsewhere."""
    low = value.strip().lower()
    return any(form.fullmatch(low) for form in (_PLACEHOLDER, _TEMPLATE, _CODE))


def reads_as_words(value: bytes, words: Iterable[bytes]) -> bool:
    """Not drawn by chance: it has no digit, or one of these words in it."""
    low = value.lower()
    return not _DIGIT.search(low) or any(word in low for word in words)
