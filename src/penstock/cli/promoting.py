"""Promoting policies at the command line."""

import sys
from pathlib import Path

from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.judging import candidate_layer, tell_backtest, tried
from penstock.cli.promoted import document, line_of, proven, time_of
from penstock.flows import promoting
from penstock.flows.governing import Seat
from penstock.flows.orders import Answer
from penstock.flows.views import text_of


def promote(home: Installation, path: Path, reason: str, *, json: bool) -> Exit:
    """Propose a layer; its backtest is shown, and recorded with it."""
    given = candidate_layer(home, path)
    found, broken = tried(home, given.layered)
    figures = promoting.figures_of(found, unreadable=len(broken))
    answer = promoting.propose(_seat(home), given, figures, reason)
    if json:
        output.as_json({"answer": answer, "changes": found.tried, "figures": figures})
        return Exit.WAITS if answer.recorded else Exit.NO
    tell_backtest(found)
    if not answer.recorded:
        return _refused(answer)
    proposal = home.governance.promotion(answer.subject)
    until = f" before {time_of(proposal.until)}" if proposal else ""
    output.say(f"\n{answer.subject}: proposed, and not in force until it is approved{until}.")
    output.to_type(
        f"policy history {answer.subject}  # its text, and what it stands on",
        f'policy approve {answer.subject} --reason "WHY"',
    )
    return Exit.WAITS


def approve(home: Installation, name: str, reason: str, *, json: bool) -> Exit:
    answer = promoting.approve(_seat(home), name, lambda: home.rules.layered, reason)
    done = (
        "in force from now on; `penstock policy show` has all that is, `penstock policy revert` takes it back"
    )
    return _told(home, answer, done, json=json)


def revert(home: Installation, name: str, reason: str, *, json: bool) -> Exit:
    """Without a name it is the only one in force."""
    there = [one.id for one in home.governance.promoted]
    if not name and len(there) != 1:
        said = (
            f"{', '.join(there)} are in force: say which."
            if there
            else "Nothing that was promoted is in force; a proposal is withdrawn by its id."
        )
        output.complain(said)
        return Exit.NO
    answer = promoting.take_back(_seat(home), name or there[0], reason)
    return _told(home, answer, "taken back; `penstock policy show` has what is in force now", json=json)


def history(home: Installation, name: str, *, json: bool) -> Exit:
    governance, texts = home.governance, home.store.texts()
    if not name:
        found = sorted(governance.promotions, key=lambda one: one.proposed.at)
        if json:
            output.as_json({"promotions": [document(one, texts) for one in found]})
        for one in () if json else found:
            output.out.print(line_of(one, texts, home.clock.now()))
        if not (json or found):
            output.say("No policy was ever promoted: what is in force comes from files.")
        return Exit.DONE
    named = governance.promotion(name)
    if named is None:
        output.complain(f"There is no proposal {name}; `penstock policy history` lists them.")
        return Exit.NO
    if json:
        output.as_json(document(named, texts) | {"text": text_of(texts, named.text)})
        return Exit.DONE
    output.out.print(line_of(named, texts, home.clock.now()))
    digests = f"candidate {named.candidate}\nstands on {named.stands_on}\nmakes     {named.figures.policy}"
    output.out.print(Text(digests, style="dim"))
    output.out.print(Text(proven(named.figures)))
    output.out.print(Text(f"\n{text_of(texts, named.text)}"))
    return Exit.DONE


def _seat(home: Installation) -> Seat:
    return home.seat(interactive=sys.stdin.isatty())


def _told(home: Installation, answer: Answer, done: str, *, json: bool) -> Exit:
    if json:
        one = home.governance.promotion(answer.subject)
        output.as_json({"answer": answer, "promotion": document(one, home.store.texts()) if one else None})
    elif answer.recorded:
        output.say(f"{answer.subject}: {done}.")
    else:
        return _refused(answer)
    return Exit.DONE if answer.recorded else Exit.NO


def _refused(answer: Answer) -> Exit:
    output.out.print(Text(f"{answer.subject}: refused", style="red"))
    output.out.print(output.failing_lines(answer.verdict))
    return Exit.NO
