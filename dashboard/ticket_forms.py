"""What people may change of a ticket before it is opened, and of the template of many."""

from __future__ import annotations

import hashlib
from typing import Any

from django import forms

from authzviz.reports.ticket import MOST_TITLE_LETTERS, Template, problems_of
from authzviz.tickets.document import MAX_LETTERS
from dashboard.models import Tracker
from dashboard.services import trackers
from dashboard.services.listed_tickets import MOST_COMMENT_LETTERS
from dashboard.tracker_forms import labels_of

_PROSE = {"rows": 18, "spellcheck": "false"}


class TicketForm(forms.Form):
    """One ticket: `text` are the title and body that its tracker's template makes of its cluster.

    Each of them that nobody changed is filled anew when it is sent: its digest goes along, since
    the next read may make another text while somebody looks at the form.
    """

    title = forms.CharField(label="Title", max_length=MOST_TITLE_LETTERS)
    body = forms.CharField(
        label="Text",
        max_length=MAX_LETTERS,
        help_text="Markdown",
        widget=forms.Textarea(attrs=_PROSE),
    )
    labels = forms.CharField(
        label="Labels (optional)",
        required=False,
        max_length=1000,
        help_text="Separated by commas.",
    )
    assignee = forms.CharField(
        label="Assignee (optional)",
        required=False,
        max_length=200,
        help_text="As the tracker names people; empty for nobody.",
    )
    due_on = forms.DateField(
        label="Due (optional)",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    made_title = forms.CharField(required=False, widget=forms.HiddenInput)
    made_body = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, tracker: Tracker, text: tuple[str, str]) -> None:
        title, body = text
        initial = {
            "title": title,
            "body": body,
            "labels": ", ".join(tracker.labels),
            "assignee": tracker.assignee,
            "due_on": trackers.due_on(tracker),
            "made_title": _digest(title),
            "made_body": _digest(body),
        }
        super().__init__(data, initial=initial)

    def clean_labels(self) -> tuple[str, ...]:
        """The labels, each once."""
        return labels_of(self.cleaned_data["labels"])

    @property
    def text(self) -> tuple[str, str]:
        """Title and body as they are typed, also in a form with errors."""
        return str(self["title"].value() or ""), _plain(self["body"].value())

    @property
    def changed_text(self) -> tuple[str, str]:
        """Title and body, "" for each that nobody changed; only for a valid form."""
        typed = self.cleaned_data
        title, body = typed["title"], _plain(typed["body"])
        return (
            "" if _digest(title) == typed["made_title"] else title,
            "" if _digest(body) == typed["made_body"] else body,
        )


class CommentForm(forms.Form):
    """A comment in a ticket of the built-in list."""

    text = forms.CharField(
        label="Comment",
        max_length=MOST_COMMENT_LETTERS,
        help_text="Markdown",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def clean_text(self) -> str:
        """The comment with line ends as we write them."""
        return _plain(self.cleaned_data["text"])


class WhoseForm(forms.Form):
    """Who does a ticket of the built-in list, and until when."""

    assignee = forms.CharField(
        label="Assignee", required=False, max_length=200, help_text="Empty for nobody."
    )
    due_on = forms.DateField(
        label="Due",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean_assignee(self) -> str:
        """The name in one line."""
        return " ".join(str(self.cleaned_data["assignee"]).split())


class TemplateForm(TicketForm):
    """The template of many tickets; `text` is the tracker's own."""

    def clean(self) -> dict[str, Any]:
        """A template that can be filled."""
        cleaned = super().clean() or {}
        problems = problems_of(Template(cleaned.get("title", "-"), _plain(cleaned.get("body"))))
        if problems:
            raise forms.ValidationError(list(problems))
        return cleaned


def _plain(text: object) -> str:
    """With line ends as we write them: browsers send others."""
    return str(text or "").replace("\r\n", "\n").strip()


def _digest(text: str) -> str:
    return hashlib.sha256(_plain(text).encode(errors="surrogatepass")).hexdigest()
