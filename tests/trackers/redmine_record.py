"""Record what a real Redmine answers to the requests that our adapter makes.

`python -m tests.trackers.redmine_record` writes tests/tickets/data/redmine/answers.json anew.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.trackers.redmine import PERSON, PRODUCT, Answered, Project, running_redmine

TARGET = Path(__file__).parents[1] / "tickets" / "data" / "redmine" / "answers.json"
_MARKER = "authzviz-0123456789ab"


class Recorder:
    """Asks as the product, and keeps each answer under a name."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.answers: dict[str, Any] = {}

    def ask(self, name: str, method: str, path: str, body: object = None, key: str = "") -> Any:
        """The answer's body, which is kept with its status."""
        redmine = self.project.redmine
        answer = redmine.answer(method, path, body, key=key or redmine.key)
        self.answers[name] = {"request": f"{method} {path}", **_kept(answer)}
        return answer.body


def record_project(recorder: Recorder) -> None:
    """What is told of account and project."""
    ask, project = recorder.ask, recorder.project
    here = f"/projects/{project.identifier}"
    ask("account", "GET", "/users/current.json?include=memberships")
    ask("wrong key", "GET", "/users/current.json", key="wrong")
    memberships = recorder.answers["account"]["body"]["user"]["memberships"]
    ask("role", "GET", f"/roles/{memberships[0]['roles'][0]['id']}.json")
    ask("project", "GET", f"{here}.json?include=trackers")
    ask("no project", "GET", "/projects/nowhere.json")
    ask("members", "GET", f"{here}/memberships.json?limit=100&offset=0")
    ask("statuses", "GET", "/issue_statuses.json")
    ask("trackers", "GET", "/trackers.json")
    ask("priorities", "GET", "/enumerations/issue_priorities.json")


def record_issue(recorder: Recorder) -> None:
    """What is told of one issue, which is opened, changed, noted and closed."""
    ask, project = recorder.ask, recorder.project
    here = f"/projects/{project.identifier}"
    created = {
        "subject": f"[{_MARKER}] edge-1",
        "description": f"a\n\n* b\n\n<code>{_MARKER}</code>\n",
        "due_date": "2031-04-01",
        "assigned_to_id": project.redmine.id_of(PERSON),
    }
    made = ask("created", "POST", f"{here}/issues.json", {"issue": created})["issue"]
    one = f"/issues/{made['id']}.json"
    wrong = {"subject": "", "due_date": "soon"}
    ask("refused", "POST", f"{here}/issues.json", {"issue": wrong})
    ask("too long", "POST", f"{here}/issues.json", {"issue": {"subject": "x" * 300}})
    ask("changed", "PUT", one, {"issue": {"subject": f"[{_MARKER}] edge-2"}})
    ask("noted", "PUT", one, {"issue": {"notes": f"2 of 3\n\n<code>{_MARKER}</code>\n"}})
    project.edit_by_hand(made["id"], notes="by hand")
    record_notes(recorder, one)
    ask("with statuses", "GET", f"{one}?include=allowed_statuses")
    ask("closed", "PUT", one, {"issue": {"status_id": 5}})
    ask("shown closed", "GET", one)
    project.edit_by_hand(made["id"], status_id=1)
    record_lists(recorder, made["id"])


def record_notes(recorder: Recorder, one: str) -> None:
    """What is told of notes, ours and others'."""
    ask = recorder.ask
    shown = ask("with journals", "GET", f"{one}?include=journals")["issue"]
    journal = shown["journals"][-2]["id"]
    ask("note changed", "PUT", f"/journals/{journal}.json", {"journal": {"notes": "3 of 3"}})
    other = {"journal": {"notes": "not ours"}}
    ask("note of others", "PUT", f"/journals/{shown['journals'][-1]['id']}.json", other)
    ask("no note", "PUT", "/journals/99999.json", other)


def record_lists(recorder: Recorder, number: int) -> None:
    """What is told of several issues, and of none."""
    ask, project = recorder.ask, recorder.project
    search = f"project_id={project.identifier}&subject=~{_MARKER}&status_id=*&sort=id:desc"
    ask("found", "GET", f"/issues.json?{search}&limit=100")
    ask("nothing found", "GET", "/issues.json?subject=~nothing&status_id=*&limit=100")
    ask("read", "GET", f"/issues.json?issue_id={number},99999&status_id=*&limit=100")
    ask("gone", "GET", "/issues/99999.json")
    ask("gone for a change", "PUT", "/issues/99999.json", {"issue": {"notes": "x"}})


def _kept(answer: Answered) -> dict[str, Any]:
    return {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_redmine(Path(folder)) as redmine,
    ):
        recorder = Recorder(redmine.project("clusters"))
        record_project(recorder)
        record_issue(recorder)
        text = json.dumps(recorder.answers, indent=1, sort_keys=True)
        text = text.replace(redmine.key_of(PRODUCT), "").replace(
            redmine.url, "https://redmine.example.org"
        )
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(f"{text}\n")


if __name__ == "__main__":
    main()
