"""What people paste, a certificate or a log, and the cluster that it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString

from authzviz.evidence import pasted
from authzviz.evidence.lines import MAX_BYTES as LOG_BYTES
from dashboard.visible import visible

MOST_SHOWN_AGAIN = 20_000


class LongSelect(forms.Widget):
    """A choice among a thousand: put together here, since a template for each takes a second.

    `options` are values and what people read; Django's own list of them is made anew, twice.
    """

    options: Sequence[tuple[str, str]] = ()

    def render(
        self,
        name: str,
        value: Any,
        attrs: dict[str, Any] | None = None,
        renderer: Any = None,  # noqa: ARG002
    ) -> SafeString:
        """The element with its options."""
        chosen = str(value or "")
        options = "\n".join(
            f'<option value="{escape(key)}"{" selected" * (key == chosen)}>{escape(title)}</option>'
            for key, title in self.options
        )
        return format_html(
            "<select{}>{}</select>",
            flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name})),
            SafeString(options),
        )


class ClusterField(forms.CharField):
    """One of the clusters by its slug, "" for the one that fits."""

    widget = LongSelect

    def offer(self, clusters: list[tuple[str, str]]) -> None:
        """Let one of these be chosen: slugs and names."""
        self.widget.options = [("", "the cluster that it fits"), *clusters]

    def validate(self, value: str) -> None:
        """Raise ValidationError for what was not offered."""
        super().validate(value)
        if all(value != slug for slug, _ in self.widget.options):
            raise forms.ValidationError("Select a valid choice: a cluster that is listed.")


class CertificateForm(forms.Form):
    """A certificate or its subject, pasted or as a file, and the cluster to hold it against."""

    certificate = forms.CharField(
        label="Certificate or subject",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
    )
    certificate_file = forms.FileField(label="or a file, PEM or DER", required=False)
    cluster = ClusterField(label="Hold it against", required=False)

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        clusters: list[tuple[str, str]],
        chosen: str | None = None,
    ) -> None:
        super().__init__(data, files, initial={"cluster": chosen})
        self.fields["cluster"].offer(clusters)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The bytes of either, as "given"."""
        cleaned = super().clean() or {}
        text = cleaned.get("certificate") or ""
        file = cleaned.get("certificate_file")
        if bool(text.strip()) == (file is not None):
            raise forms.ValidationError("Give one thing: a text, or a file.")
        if file is not None and (file.size is None or file.size > pasted.MAX_BYTES):
            raise forms.ValidationError(pasted.TOO_LARGE)
        cleaned["given"] = text.encode() if file is None else file.read()
        return cleaned

    def withhold(self) -> None:
        """Forget what was pasted: it may have been a key, and no page shows it again."""
        self.data = {name: self.data[name] for name in self.data if name == "cluster"}


class LogForm(forms.Form):
    """A log, pasted or as a file, and the cluster to hold it against."""

    log = forms.CharField(
        label="Log lines",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "autocomplete": "off"}),
    )
    log_file = forms.FileField(
        label="or a file",
        required=False,
        help_text=f"text, or text packed by gzip, at most {LOG_BYTES // 1_000_000} MB",
    )
    cluster = ClusterField(
        label="Hold it against",
        required=False,
        help_text="whose authorizers are then asked the same",
    )

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        clusters: list[tuple[str, str]],
        initial: dict[str, str] | None = None,
    ) -> None:
        if data is not None and data.get("choose"):  # one of several that fit, by its own button
            data = {"log": data.get("log", ""), "cluster": data["choose"]}
        super().__init__(data, files, initial=initial)
        # A log may hold anything, U+0000, too; it is made visible where it is shown.
        self.fields["log"].validators.clear()
        self.fields["cluster"].offer(clusters)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The text as "log", or the bytes of a file as "raw", of which one is more than is read."""
        cleaned = super().clean() or {}
        text = cleaned.get("log") or ""
        file = cleaned.get("log_file")
        if bool(text.strip()) == (file is not None):
            raise forms.ValidationError("Give one thing: log lines, or a file.")
        cleaned["raw"] = file.read() if file is not None else b""
        return cleaned

    @property
    def kept(self) -> dict[str, str]:
        """What a form that comes back shows again: a short text, and the cluster."""
        text = self.data.get("log", "")
        return {
            "log": visible(text) if len(text) <= MOST_SHOWN_AGAIN else "",
            "cluster": self.data.get("cluster", ""),
        }

    def focus(self) -> None:
        """Let whoever opens the page paste at once."""
        self.fields["log"].widget.attrs["autofocus"] = True
