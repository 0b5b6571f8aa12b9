"""What people may type, checked. No form ever shows a credential that was given before."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import BaseUserCreationForm
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from dashboard.models import Cluster, Role, User
from dashboard.services import bundles, clusters
from dashboard.services.uploads import MAX_BYTES


def posted(request: HttpRequest) -> tuple[Any, Any]:
    """The data and files for a form: None and None where nothing was posted, so that an empty post
    is an error and not a fresh form.
    """
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def _interval_choices(current: int) -> list[tuple[int, str]]:
    """The intervals to choose from, with the current one among them."""
    return sorted({current: f"every {current} seconds", **clusters.INTERVALS}.items())


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


class BundleForm(forms.Form):
    """A cluster that was read elsewhere, as a file."""

    bundle = forms.FileField(
        label="Bundle",
        help_text=f"BUNDLE.json or BUNDLE.json.gz, of at most {bundles.MAX_BYTES >> 20} MiB",
        widget=forms.FileInput(attrs={"accept": ".json,.gz"}),
    )

    def __init__(self, data: Any = None, files: Any = None) -> None:
        # On its page there is another form.
        super().__init__(data, files, auto_id="bundle_%s")

    def clean_bundle(self) -> UploadedFile[Any]:
        """The file, of which there is no more than may be used."""
        file: UploadedFile[Any] = self.cleaned_data["bundle"]
        if file.size is None or file.size > bundles.MAX_BYTES:
            raise forms.ValidationError(
                f"A bundle of more than {bundles.MAX_BYTES >> 20} MiB is not read: gzip it, or "
                "judge it with authzviz check --bundle."
            )
        return file


class NewBundleForm(BundleForm):
    """A cluster to come, out of a bundle."""

    name = forms.CharField(
        label="Name", required=False, max_length=100, help_text="without one, the bundle's own"
    )
    field_order = ("name", "bundle")


class NewerBundleForm(BundleForm):
    """Another bundle of a cluster; what is doubtful about it is asked first."""

    is_meant = forms.BooleanField(
        label="Show it although it is older, or of another server", required=False
    )


class OwnClusterForm(forms.Form):
    """The cluster that this server runs in."""

    name = forms.CharField(label="Name", max_length=100, initial="this cluster")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="own_%s")
        self.fields["interval_seconds"] = IntervalField()


_GROUP = forms.CharField(
    label="Group",
    required=False,
    max_length=clusters.MOST_GROUP_LETTERS,
    help_text="where it belongs, as you call that: Europe, say",
)


class ChooseForm(forms.Form):
    """Which contexts to add."""

    contexts = forms.MultipleChoiceField(
        label="Contexts",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one context."},
    )
    group = _GROUP
    even_if_unreachable = forms.BooleanField(label="Add even if it does not answer", required=False)

    def __init__(self, data: Any = None, *, names: list[str]) -> None:
        super().__init__(data)
        self.fields["contexts"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["interval_seconds"] = IntervalField()


PROBE_WARNING = (
    "Off unless an admin turns it on. Each read then asks for one change in the name of a node "
    "that nobody has, as a dry run: nothing is changed. The credentials need the right to "
    "impersonate for it. On a cluster with the legacy binding, whoever holds the legacy "
    "impersonation right can read all Secrets; from Kubernetes 1.36 a narrower right exists."
)


class ClusterForm(forms.Form):
    """A cluster's name, group and labels, and how one is read that is read again and again."""

    name = forms.CharField(label="Name", max_length=100)
    group = _GROUP
    labels = forms.CharField(
        label="Labels",
        required=False,
        max_length=2000,
        help_text="name=value, separated by commas",
    )

    def __init__(self, data: Any = None, *, cluster: Cluster, user: User) -> None:
        initial = {
            "name": cluster.name,
            "group": cluster.group,
            "labels": clusters.labels_text(cluster.labels),
        }
        super().__init__(data, initial=initial)
        self._cluster = cluster
        if not cluster.is_recorded:
            self._ask_how_to_read(cluster, user)

    def _ask_how_to_read(self, cluster: Cluster, user: User) -> None:
        self.fields["interval_seconds"] = IntervalField(cluster.interval_seconds)
        self.fields["apiserver_urls"] = forms.CharField(
            label="Its apiservers",
            required=False,
            max_length=clusters.MOST_APISERVER_URLS * 500,
            initial="\n".join(cluster.apiserver_urls),
            help_text=(
                "One https URL a line: each is asked by itself, with the cluster's own CA. Only "
                "needed where the addresses that the cluster tells can't be reached from here."
            ),
            widget=forms.Textarea(
                attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off", "wrap": "off"}
            ),
        )
        # Whoever may not turn it on may still turn it off; what a disabled field sends is ignored.
        self.fields["probes_node_restriction"] = forms.BooleanField(
            label="Probe NodeRestriction by impersonating a node",
            required=False,
            initial=cluster.probes_node_restriction,
            disabled=not (user.may_invite or cluster.probes_node_restriction),
            help_text=PROBE_WARNING,
        )

    def clean_apiserver_urls(self) -> tuple[str, ...]:
        """The URLs in their usual form; those that are there already are not looked up again."""
        text: str = self.cleaned_data["apiserver_urls"]
        if text.split() == self._cluster.apiserver_urls:
            return tuple(self._cluster.apiserver_urls)
        try:
            return clusters.apiserver_urls(text, self._cluster)
        except clusters.ClusterError as error:
            raise forms.ValidationError(str(error)) from error

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
