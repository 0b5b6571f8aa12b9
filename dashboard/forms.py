"""What people may type, checked. No form ever shows a credential that was given before."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import BaseUserCreationForm
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from dashboard.models import Cluster, Role, User
from dashboard.services import clusters
from dashboard.services.uploads import MAX_BYTES


def posted(request: HttpRequest) -> tuple[Any, Any]:
    """The data and files for a form: None and None where nothing was posted, so that an empty post
    is an error and not a fresh form.
    """
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


INTERVALS = [
    (30, "every 30 seconds"),
    (60, "every minute"),
    (300, "every 5 minutes"),
    (900, "every 15 minutes"),
    (3600, "every hour"),
]


def _interval_choices(current: int) -> list[tuple[int, str]]:
    """The intervals to choose from, with the current one among them."""
    known = dict([*INTERVALS, (current, f"every {current} seconds")]) | dict(INTERVALS)
    return sorted(known.items())


class IntervalField(forms.TypedChoiceField):
    """How often a cluster is read, in seconds."""

    def __init__(self, current: int | None = None) -> None:
        value = current or settings.POLL_INTERVAL_SECONDS
        super().__init__(
            label="Read it",
            choices=_interval_choices(value),
            coerce=int,
            initial=value,
        )


class KubeconfigForm(forms.Form):
    """A kubeconfig, pasted or as a file."""

    kubeconfig_file = forms.FileField(label="Kubeconfig file", required=False)
    kubeconfig = forms.CharField(
        label="or paste it",
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 12, "spellcheck": "false", "autocomplete": "off"},
        ),
    )

    def clean(self) -> dict[str, Any]:
        """The text of either, as "text"."""
        cleaned = super().clean() or {}
        pasted = cleaned.get("kubeconfig") or ""
        file = cleaned.get("kubeconfig_file")
        if bool(pasted.strip()) == (file is not None):
            raise forms.ValidationError("Give one kubeconfig: a file, or its text.")
        cleaned["text"] = _text_of(file) if file is not None else pasted
        return cleaned

    def withhold(self) -> None:
        """Forget what was pasted: a form that comes back with an error shows no credentials."""
        self.data = {name: self.data[name] for name in self.data if name != "kubeconfig"}


class ChooseForm(forms.Form):
    """Which contexts to add."""

    contexts = forms.MultipleChoiceField(
        label="Contexts",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one context."},
    )
    even_if_unreachable = forms.BooleanField(label="Add even if it does not answer", required=False)

    def __init__(self, data: Any = None, *, names: list[str]) -> None:
        super().__init__(data)
        self.fields["contexts"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["interval_seconds"] = IntervalField()


class ClusterForm(forms.Form):
    """A cluster's name and labels, and the interval of one that is read."""

    name = forms.CharField(label="Name", max_length=100)
    labels = forms.CharField(
        label="Labels",
        required=False,
        max_length=2000,
        help_text="name=value, separated by commas",
    )

    def __init__(self, data: Any = None, *, cluster: Cluster) -> None:
        initial = {"name": cluster.name, "labels": clusters.labels_text(cluster.labels)}
        super().__init__(data, initial=initial)
        if not cluster.is_recorded:
            self.fields["interval_seconds"] = IntervalField(cluster.interval_seconds)

    def clean_labels(self) -> dict[str, str]:
        """The labels as a dict."""
        try:
            return clusters.parse_labels(self.cleaned_data["labels"])
        except clusters.ClusterError as error:
            raise forms.ValidationError(str(error)) from error


class CredentialsForm(KubeconfigForm):
    """Other credentials for a cluster that is there already."""

    even_if_unreachable = forms.BooleanField(
        label="Replace them even if the cluster does not answer", required=False
    )


class RoleField(forms.TypedChoiceField):
    """What someone may do."""

    def __init__(self) -> None:
        super().__init__(
            label="Role",
            choices=[(role.value, role.words) for role in Role],
            coerce=Role,
            initial=Role.VIEWER.value,
        )


class InviteForm(forms.Form):
    """An invitation: for whom, and what they may do."""

    note = forms.CharField(label="For whom", max_length=120, help_text="a note for yourself")
    role = RoleField()


class RoleForm(forms.Form):
    """Another role for someone."""

    role = RoleField()


class AcceptForm(BaseUserCreationForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The name and password of whoever accepts an invitation."""

    class Meta:
        model = User
        fields = ("username",)


def _text_of(file: UploadedFile[Any]) -> str:
    """The file's text; raises ValidationError where it is too large or not UTF-8."""
    if file.size is None or file.size > MAX_BYTES:
        raise forms.ValidationError("A kubeconfig of more than 1 MiB is not read.")
    try:
        return str(file.read(), "utf-8")
    except UnicodeDecodeError as error:
        raise forms.ValidationError("This file is no text in UTF-8.") from error
