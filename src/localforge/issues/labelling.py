"""Labels and assignees of an issue: each change with its history line and its event."""

from collections.abc import Sequence

from localforge.issues.acting import Act
from localforge.store import issues
from localforge.store.accounts import Account
from localforge.store.database import Tx
from localforge.store.issues import Label

NEW_LABEL_COLOR = "ededed"


def add_labels(act: Act, names: Sequence[str]) -> None:
    """Put labels on the issue; a name that the repository does not know becomes a label, as on GitHub."""
    present = {label.id for label in issues.labels_of(act.tx, act.issue.id)}
    for name in names:
        label = _label(act.tx, act.issue.repo_id, name)
        if label.id not in present:
            present.add(label.id)
            act.tx.insert("issue_label", issue_id=act.issue.id, label_id=label.id)
            _tell(act, "labeled", label)


def remove_label(act: Act, label: Label) -> None:
    """Take a label off the issue that is on it."""
    act.tx.execute("DELETE FROM issue_label WHERE issue_id = ? AND label_id = ?", act.issue.id, label.id)
    _tell(act, "unlabeled", label)


def set_labels(act: Act, names: Sequence[str]) -> None:
    """Make these the issue's labels."""
    wanted = {name.casefold() for name in names}
    for label in issues.labels_of(act.tx, act.issue.id):
        if label.name.casefold() not in wanted:
            remove_label(act, label)
    add_labels(act, names)


def assign(act: Act, people: Sequence[Account]) -> None:
    """Assign people; who is already assigned stays so."""
    present = {person.id for person in issues.assignees_of(act.tx, act.issue.id)}
    last = act.tx.count("SELECT max(position) FROM issue_assignee WHERE issue_id = ?", act.issue.id)
    for position, person in enumerate(people, last + 1):
        if person.id not in present:
            present.add(person.id)
            act.tx.insert("issue_assignee", issue_id=act.issue.id, user_id=person.id, position=position)
            act.change()
            act.note("assigned", assignee_id=person.id)
            act.tell("assigned", subject_id=person.id)


def unassign(act: Act, people: Sequence[Account]) -> None:
    """Take people off the issue."""
    for person in people:
        if act.tx.execute(
            "DELETE FROM issue_assignee WHERE issue_id = ? AND user_id = ?", act.issue.id, person.id
        ):
            act.change()
            act.note("unassigned", assignee_id=person.id)
            act.tell("unassigned", subject_id=person.id)


def set_assignees(act: Act, people: Sequence[Account]) -> None:
    """Make these the assignees."""
    wanted = {person.id for person in people}
    unassign(act, [person for person in issues.assignees_of(act.tx, act.issue.id) if person.id not in wanted])
    assign(act, people)


def _label(tx: Tx, repo_id: int, name: str) -> Label:
    found = issues.label_named(tx, repo_id, name)
    if found is None:
        tx.insert("label", repo_id=repo_id, name=name, color=NEW_LABEL_COLOR)
        found = issues.label_named(tx, repo_id, name)
    if found is None:
        raise LookupError(f"label {name}")
    return found


def _tell(act: Act, action: str, label: Label) -> None:
    act.change()
    act.note(action, label={"name": label.name, "color": label.color})
    act.tell(action, label=label.name)
