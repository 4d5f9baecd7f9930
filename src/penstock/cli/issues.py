"""Issues at the command line: what could be worked on, and ordering that one is."""

from rich.table import Table

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.core.evidence import IssueFacts, RepositoryFacts
from penstock.core.refs import RepoRef
from penstock.flows.intake import Started, issue_signal, take_issue


def list_issues(home: Installation, labels: str, *, json: bool) -> Exit:
    wanted = (
        tuple(filter(None, (label.strip() for label in labels.split(",")))) or home.policy.auto_claim_labels
    )
    found = [
        (repo, issue)
        for repo, facts in home.fleet.repositories(home.reader)
        if not facts.archived
        for issue in home.reader.issues(repo, wanted)
    ]
    if json:
        output.as_json([{"repository": repo.full_name, "issue": issue} for repo, issue in found])
        return Exit.DONE
    if not found:
        output.say(f"No open issue in {home.organization} has one of the labels {', '.join(wanted)}.")
        return Exit.DONE
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("issue", "title", "labels", "author"):
        table.add_column(column, overflow="fold")
    for repo, issue in found:
        author = f"{issue.author} ({issue.author_association.lower()})"
        table.add_row(
            f"{repo.full_name}#{issue.number}",
            output.cell(issue.title),
            output.cell(", ".join(sorted(issue.labels))),
            author,
        )
    output.out.print(table)
    return Exit.DONE


def process_issue(home: Installation, name: str, *, json: bool) -> Exit:
    """The issue still has to carry a label that claims it: a label is how the organization lets us in."""
    found = _find(home, name)
    if found is None:
        return Exit.NO
    repo, issue = found
    answer = take_issue(home.store, issue_signal(repo, issue), home.circumstances, ordered_by=home.operator)
    if json:
        output.as_json(answer)
    elif isinstance(answer, Started):
        after = f", in place of {answer.superseded}" if answer.superseded else ""
        output.say(
            f"Change {answer.change} for {repo.full_name}#{issue.number}{after}. `penstock start` carries it on."
        )
    else:
        hint = f": `penstock changes show {answer.change}`" if answer.change else ""
        output.complain(f"{repo.full_name}#{issue.number} was not taken: {answer.reason}{hint}")
    return Exit.DONE if isinstance(answer, Started) else Exit.NO


def _find(home: Installation, name: str) -> tuple[RepoRef, IssueFacts] | None:
    place, _, number = name.rpartition("#")
    found = places(home, place)
    if not number.isdecimal() or len(found) != 1:
        output.complain(
            f"{name}: name an issue as REPOSITORY#NUMBER; {home.organization} has {len(found)} repositories that fit."
        )
        return None
    repo, _ = found[0]
    issue = home.reader.issue(repo, int(number))
    if issue is None:
        output.complain(f"{repo.full_name} has no issue {number}.")
        return None
    return repo, issue


def places(home: Installation, named: str) -> tuple[tuple[RepoRef, RepositoryFacts], ...]:
    """The repositories that a person can mean so; all, where they name none."""
    return tuple(
        (repo, facts)
        for repo, facts in home.fleet.repositories(home.reader)
        if named in {"", repo.name, repo.full_name}
    )
