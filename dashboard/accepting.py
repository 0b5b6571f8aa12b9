"""The form on which someone accepts a finding: why, and until when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.dateformat import format as formatted

from dashboard.services import risks

PRESETS = (30, 90, 365)
OTHER = "other"


class RiskForm(forms.Form):
    """A reason and a last day. `severity` is what the page showed: what got worse meanwhile is not
    what was accepted.
    """

    reason = forms.CharField(
        label="Why it is accepted",
        max_length=risks.MOST_REASON_LETTERS,
        help_text="Who reads it in half a year should know whether it still holds.",
        widget=forms.Textarea(attrs={"rows": 4, "class": "prose"}),
        error_messages={"required": "Say why it is accepted."},
    )
    days = forms.ChoiceField(
        label="Until the end of",
        widget=forms.RadioSelect,
        initial=str(PRESETS[0]),
        error_messages={"required": "Choose a last day."},
    )
    until = forms.DateField(
        label="Another day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    severity = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, severity: str) -> None:
        super().__init__(data, initial={"severity": severity})
        self._severity = severity
        today = risks.today()
        presets = [(str(days), _day(today + timedelta(days=days), days)) for days in PRESETS]
        self.fields["days"].choices = [*presets, (OTHER, "another day, below")]  # type: ignore[attr-defined]
        attributes = self.fields["until"].widget.attrs
        attributes["min"] = (today + timedelta(days=1)).isoformat()
        attributes["max"] = (today + risks.LONGEST).isoformat()

    def clean(self) -> dict[str, Any]:
        """The last day as "last_day"."""
        cleaned = super().clean() or {}
        if cleaned.get("severity") != self._severity:
            raise forms.ValidationError("The finding has another severity by now: look again.")
        days = cleaned.get("days")
        if days == OTHER and cleaned.get("until") is None and not self.errors.get("until"):
            self.add_error("until", "Give the day.")
        elif days == OTHER:
            cleaned["last_day"] = cleaned.get("until")
        elif days:
            cleaned["last_day"] = risks.today() + timedelta(days=int(days))
        return cleaned


def _day(day: date, days: int) -> str:
    return f"{formatted(day, 'j M Y')} ({days} days)"
