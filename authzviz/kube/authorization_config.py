"""An AuthorizationConfiguration: the ordered chain of authorizers, as strictly as an apiserver.

Source: kubernetes v1.37.2 pkg/apis/apiserver/validation and
staging/src/k8s.io/apiserver/pkg/apis/apiserver (v1alpha1 1.29, v1beta1 1.30, v1 1.32).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from authzviz.engine.chain import MODES
from authzviz.engine.model import Authorizer
from authzviz.kube.fields import Fields

KIND = "AuthorizationConfiguration"
_GROUP = "apiserver.config.k8s.io"
_SINCE = {"v1alpha1": 29, "v1beta1": 30, "v1": 32}
_MOST = 64
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_TOP = frozenset(("apiVersion", "kind", "authorizers"))
_ENTRY = frozenset(("type", "name", "webhook"))
_WEBHOOK = frozenset(
    (
        "authorizedTTL",
        "cacheAuthorizedRequests",
        "cacheUnauthorizedRequests",
        "connectionInfo",
        "failurePolicy",
        "matchConditions",
        "matchConditionSubjectAccessReviewVersion",
        "subjectAccessReviewVersion",
        "timeout",
        "unauthorizedTTL",
    )
)
_POLICIES = ("NoOpinion", "Deny")


@dataclass(frozen=True, slots=True)
class AuthorizationConfig:
    """The authorizers in their order, and the minor version since which apiservers read the file's
    apiVersion.
    """

    authorizers: tuple[Authorizer, ...]
    since: int


def authorization_config(document: Fields) -> AuthorizationConfig:
    """The chain of one document.

    Raises KubeconfigError, which names the field, for what no apiserver would start with.
    """
    group, _, version = document.required("apiVersion").partition("/")
    if group != _GROUP or version not in _SINCE:
        known = ", ".join(f"{_GROUP}/{name}" for name in _SINCE)
        raise document.error("apiVersion", f"must be one of {known}")
    _only(document, _TOP)
    authorizers = tuple(_authorizer(entry) for entry in document.entries("authorizers", _MOST))
    if not authorizers:
        raise document.error("authorizers", "must name at least one authorizer")
    _unrepeated(document, "name", (each.name for each in authorizers))
    _unrepeated(document, "type", (each.type for each in authorizers if each.type != "Webhook"))
    return AuthorizationConfig(authorizers, _SINCE[version])


def _authorizer(entry: Fields) -> Authorizer:
    _only(entry, _ENTRY)
    type_, name = entry.required("type"), entry.required("name")
    if type_ not in MODES:
        raise entry.error("type", f"must be one of {', '.join(sorted(MODES))}")
    if type_ == "Webhook":
        if not _DNS_NAME.fullmatch(name) or len(name) > 253:
            raise entry.error("name", "must be a DNS name in lower case")
        return _webhook(name, entry.child("webhook"))
    if name != type_.lower():
        raise entry.error("name", f"must be {type_.lower()} for type {type_}")
    if entry.has("webhook"):
        raise entry.error("webhook", f"is not taken for type {type_}")
    return Authorizer(type_, name)


def _webhook(name: str, webhook: Fields) -> Authorizer:
    _only(webhook, _WEBHOOK)
    policy = webhook.required("failurePolicy")
    if policy not in _POLICIES:
        raise webhook.error("failurePolicy", f"must be {' or '.join(_POLICIES)}")
    webhook.child("connectionInfo").required("type")
    conditions = tuple(webhook.entries("matchConditions", _MOST))
    for condition in conditions:
        _only(condition, frozenset(("expression",)))
        condition.required("expression")
    return Authorizer("Webhook", name, policy, len(conditions))


def _only(fields: Fields, known: frozenset[str]) -> None:
    """An apiserver decodes the file strictly: a field it doesn't know keeps it from starting."""
    for name in fields.values:
        if name not in known:
            raise fields.error(name, "is no field that an apiserver takes here")


def _unrepeated(document: Fields, what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise document.error("authorizers", f"{what} {value} is given more than once")
        seen.add(value)
