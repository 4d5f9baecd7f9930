"""The thousand rules of the benchmark are what their script writes, and what the rows say of them."""

from benchmarks.routing import EVENT, load
from benchmarks.routing_rules import FILE, RULES, text

from penstock.core.routing.compiling import compiled
from penstock.core.routing.meaning import holds
from penstock.core.routing.router import Router


def test_the_committed_rules_are_the_generated_ones_and_half_can_match() -> None:
    assert FILE.read_text() == text()
    rules = load(FILE)
    assert len(rules.rules) == RULES
    router = Router(rules)
    assert len(router.candidates(EVENT.event)) == RULES // 2
    expected = [rule.number for rule in rules.rules if holds(rule.condition, EVENT)]
    assert expected
    assert compiled([(rule.number, rule.condition, rule.stop) for rule in rules.rules])(EVENT) == expected
    assert [rule.number for rule in router.matching((EVENT,))] == expected
