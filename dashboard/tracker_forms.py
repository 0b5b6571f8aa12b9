"""What people tell of a tracker: the fields of its kind, and how its tickets begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from authzviz.net.secret import Secret
from authzviz.reports.ticket import DEFAULT_TEMPLATE, EXPLAINED, Template, problems_of
from authzviz.tickets.port import Field
from authzviz.tickets.setup import Kind
from dashboard.models import Tracker
from dashboard.services.tickets import MOST_LABELS
from dashboard.services.tracker_acts import Given

_KEPT = "Kept, and never shown. Fill it only to replace it."
_USUAL = {"title_template": DEFAULT_TEMPLATE.title, "body_template": DEFAULT_TEMPLATE.body}
_PLAIN = {"spellcheck": "false", "autocomplete": "off"}


class TrackerForm(forms.Form):
    """One tracker, new or known. Secrets that are known are never shown, and stay unless typed."""

    name = forms.CharField(label="Name", max_length=100, help_text="as you call it here")

    def __init__(self, data: Any = None, *, kind: Kind, tracker: Tracker | None = None) -> None:
        super().__init__(data, initial=_initial(kind, tracker))
        self._kind = kind
        for field in kind.fields:
            self.fields[_key(field.name)] = _field(field, is_known=tracker is not None)
        self.fields.update(_of_tickets())
        if tracker is None:
            self.fields["even_if_refused"] = forms.BooleanField(
                label="Add it all the same", required=False
            )
        else:
            self.fields["even_if_refused"] = forms.BooleanField(
                label="Save it all the same", required=False
            )

    @property
    def own(self) -> list[forms.BoundField]:
        """The fields of the tracker itself."""
        return [self["name"], *(self[_key(field.name)] for field in self._kind.fields)]

    @property
    def of_tickets(self) -> list[forms.BoundField]:
        """The fields that say how its tickets begin."""
        return [self[name] for name in _of_tickets()]

    @property
    def has_wording(self) -> bool:
        """True where its tickets begin in any other than the usual way, or would."""
        return any(
            field.errors or _one_line_end(field.value() or "") != _USUAL.get(field.name, "")
            for field in self.of_tickets
        )

    @property
    def placeholders(self) -> tuple[tuple[str, str, bool], ...]:
        """Each placeholder, what it stands for, and whether it needs a line of its own."""
        return EXPLAINED

    def clean_title_template(self) -> str:
        """The template of titles; "" for the usual one, which may get better."""
        title = self.cleaned_data["title_template"].strip()
        _check(Template(title or DEFAULT_TEMPLATE.title, DEFAULT_TEMPLATE.body))
        return "" if title == DEFAULT_TEMPLATE.title else title

    def clean_body_template(self) -> str:
        """The template of texts; "" for the usual one."""
        body = _one_line_end(self.cleaned_data["body_template"]).strip()
        _check(Template(DEFAULT_TEMPLATE.title, body or DEFAULT_TEMPLATE.body))
        return "" if body == DEFAULT_TEMPLATE.body else body

    def clean_labels(self) -> tuple[str, ...]:
        """The labels, each once."""
        return labels_of(self.cleaned_data["labels"])

    def given(self) -> Given:
        """What was typed; only for a valid form."""
        typed = self.cleaned_data
        return Given(
            name=typed["name"].strip(),
            values=self._values(typed),
            secrets={
                name: Secret(typed[_key(name)])
                for name in self._kind.secret_names
                if typed[_key(name)]
            },
            title_template=typed["title_template"],
            body_template=typed["body_template"],
            labels=typed["labels"],
            assignee=typed["assignee"],
            due_days=typed["due_days"],
        )

    def refuse(self, message: str, field: str = "") -> None:
        """Say what is wrong, at the field of that name where the form has it."""
        key = field if field in self.fields else _key(field)
        self.add_error(key if key in self.fields else None, message)

    def _values(self, typed: Mapping[str, Any]) -> dict[str, str]:
        plain = (field for field in self._kind.fields if field.kind != "secret")
        values = {field.name: str(typed[_key(field.name)]).strip() for field in plain}
        return {name: value for name, value in values.items() if value}


def labels_of(text: str) -> tuple[str, ...]:
    """Labels separated by commas, each once; raises ValidationError where they are too many."""
    labels = dict.fromkeys(part.strip() for part in text.split(","))
    labels.pop("", None)
    if len(labels) > MOST_LABELS:
        raise forms.ValidationError(f"A ticket gets at most {MOST_LABELS} labels.")
    return tuple(labels)


def _check(template: Template) -> None:
    problems = problems_of(template)
    if problems:
        raise forms.ValidationError([f"{problem}." for problem in problems])


def _one_line_end(text: object) -> str:
    """The text with line ends as we write them: browsers send another."""
    return str(text).replace("\r\n", "\n")


def _key(name: str) -> str:
    # A kind may have a field that is called as one of ours.
    return f"its_{name}"


def _initial(kind: Kind, tracker: Tracker | None) -> dict[str, Any]:
    if tracker is None:
        own = {_key(field.name): field.default for field in kind.fields}
        return {"name": kind.title, **own, **_USUAL}
    return {
        "name": tracker.name,
        **{_key(name): value for name, value in tracker.values.items()},
        "title_template": tracker.title_template or DEFAULT_TEMPLATE.title,
        "body_template": tracker.body_template or DEFAULT_TEMPLATE.body,
        "labels": ", ".join(tracker.labels),
        "assignee": tracker.assignee,
        "due_days": tracker.due_days,
    }


def _field(field: Field, *, is_known: bool) -> forms.Field:
    label = field.title if field.is_required else f"{field.title} (optional)"
    if field.kind == "secret":
        return forms.CharField(
            label=label,
            required=field.is_required and not is_known,
            help_text=f"{field.help} {_KEPT}".strip() if is_known else field.help,
            max_length=4000,
            widget=forms.PasswordInput(attrs={**_PLAIN, "autocomplete": "new-password"}),
        )
    if field.kind == "choice":
        return forms.ChoiceField(
            label=label,
            required=field.is_required,
            help_text=field.help,
            choices=field.choices,
        )
    return forms.CharField(
        label=label,
        required=field.is_required,
        help_text=field.help,
        max_length=100_000 if field.kind == "pem" else 500,
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 4})
        if field.kind == "pem"
        else forms.TextInput(attrs=_PLAIN),
    )


def _of_tickets() -> dict[str, forms.Field]:
    return {
        "title_template": forms.CharField(
            label="Title of its tickets (optional)",
            required=False,
            max_length=500,
            help_text="With placeholders; empty for the usual one.",
        ),
        "body_template": forms.CharField(
            label="Text of its tickets (optional)",
            required=False,
            max_length=20_000,
            help_text="Markdown with placeholders; empty for the usual one.",
            widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
        ),
        "labels": forms.CharField(
            label="Labels (optional)",
            required=False,
            max_length=1000,
            help_text="Separated by commas, beside the two that authzviz finds its tickets by.",
        ),
        "assignee": forms.CharField(
            label="Assignee (optional)",
            required=False,
            max_length=200,
            help_text="Who gets each ticket, as the tracker names people; empty for nobody.",
        ),
        "due_days": forms.IntegerField(
            label="Due after (optional)",
            required=False,
            min_value=1,
            max_value=3650,
            help_text="Days from the day it is opened; empty for no date.",
        ),
    }
