"""The fields of a kubeconfig, read with the path that an error names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from authzviz.kube.strict_yaml import Value


class KubeconfigError(ValueError):
    """A kubeconfig, or a context of it, can't be used; the text names the field and the cure."""


@dataclass(frozen=True, slots=True)
class Fields:
    """One mapping and where it stands, such as users[0].user."""

    path: str
    values: dict[str, Value]

    def error(self, field: str, problem: str) -> KubeconfigError:
        """An error that names a field of this mapping."""
        return KubeconfigError(f"{self._at(field)}: {problem}")

    def has(self, field: str) -> bool:
        """True where the field is there with any value but null, "", [] and {}."""
        return self.values.get(field) not in (None, "", [], {})

    def text(self, field: str) -> str:
        """A text, "" where missing. Raises KubeconfigError for anything else."""
        value = self.values.get(field)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(field, "must be a text")
        return value

    def required(self, field: str) -> str:
        """A text that is there and not empty. Raises KubeconfigError."""
        value = self.text(field)
        if not value:
            raise self.error(field, "is missing")
        return value

    def is_true(self, field: str) -> bool:
        """A strict boolean: "false" in quotes would be true to a lenient reader."""
        value = self.values.get(field)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.error(field, "must be true or false, without quotes")

    def child(self, field: str) -> Fields:
        """A mapping. Raises KubeconfigError where it is missing or something else."""
        value = self.values.get(field)
        if not isinstance(value, dict):
            raise self.error(field, "is missing" if value is None else "must hold fields")
        return Fields(self._at(field), value)

    def entries(self, field: str, at_most: int) -> Iterator[Fields]:
        """The mappings of a list, none where it is missing. Raises KubeconfigError."""
        found = self.values.get(field)
        if found is None:
            return
        if not isinstance(found, list):
            raise self.error(field, "must be a list")
        if len(found) > at_most:
            raise self.error(field, f"has more than {at_most} entries")
        for number, value in enumerate(found):
            if not isinstance(value, dict):
                raise self.error(f"{field}[{number}]", "must hold fields")
            yield Fields(self._at(f"{field}[{number}]"), value)

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts, empty where missing. Raises KubeconfigError."""
        found = self.values.get(field)
        if found is None:
            return ()
        if not isinstance(found, list):
            raise self.error(field, "must be a list of texts")
        texts = tuple(value for value in found if isinstance(value, str))
        if len(texts) != len(found):
            raise self.error(field, "must be a list of texts")
        return texts

    def _at(self, field: str) -> str:
        return f"{self.path}.{field}" if self.path else field
