"""What an apiserver's text says of a refusal: who, what request, who refused, and its reason.

Source: kubernetes v1.37.2 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/
errors.go (1.12 and later; before, resources stood unquoted), plugin/pkg/admission/noderestriction,
plugin/pkg/auth/authorizer/{node,rbac}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from authzviz.engine.identity import NODE_USER_PREFIX, NODES_GROUP
from authzviz.engine.request import Request
from authzviz.evidence.lines import unescaped

_MAX_REASON = 2_000
_MAX_BEFORE = 1_000
_Q = r'"((?:[^"\\]|\\.)*+)"'

_FORBIDDEN = re.compile(
    rf"User {_Q} cannot ([a-z*-]+) "
    rf"(?:path {_Q}|resource {_Q} in API group {_Q}|(?:all )?"
    rf"(?!resource \x22)([a-z0-9][a-z0-9./-]*))"
    rf"(?: in the namespace {_Q}| at the cluster scope| in the cluster)?"
    r"(?:\.?: ?(.+))?",
    re.DOTALL,
)
_OBJECT = re.compile(rf"([a-z0-9][a-z0-9.-]*)(?: {_Q})? is forbidden: $")
_IS_FORBIDDEN = " is forbidden: "
# Strings with one space between, as Go writes them: what looks for "]" alone costs the square.
_STRINGS = r'((?:"(?:[^"\\]|\\.)*+"(?: (?=")|(?=\])))*+)'
_RBAC_LOG = re.compile(
    rf"RBAC: no rules authorize user {_Q} with groups \[{_STRINGS}\] to {_Q} "
    rf"(?:nonResourceURL {_Q}|resource {_Q}(?: named {_Q})?)(?: in namespace {_Q})?"
)
_NODE_LOG = re.compile(r"NODE DENY: '?([^\s']*)'? &?[\w.]+\{")
_GRAPH_LOG = re.compile(
    r"NODE DENY\"? err=\"((?:unknown )?node '([^']*)' cannot get (?:unknown )?(\w+)"
    r" ([^/\s\"]*)/([^\s\",]+)[^\"]*)"
)
_VERTICES = {
    "pvc": "persistentvolumeclaims",
    "pv": "persistentvolumes",
    "va": "volumeattachments",
    "serviceAccount": "serviceaccounts",
}
_FIELD = re.compile(
    rf"\b(Verb|Namespace|APIGroup|Resource|Subresource|Name|Path):{_Q}|\bResourceRequest:(true|false)"
)
_STRING = re.compile(_Q)


class RefusedBy(StrEnum):
    """Which part of an apiserver refused."""

    AUTHORIZERS = "authorizers"
    NODE_AUTHORIZER = "node-authorizer"
    """Only its own opinion, out of its log: a later authorizer may have allowed."""
    RBAC = "rbac"
    """Likewise RBAC's own opinion: another authorizer may have allowed."""
    NODE_RESTRICTION = "node-restriction"
    AUTHENTICATION = "authentication"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal as a text has it.

    `user` is "" where the text doesn't tell; `groups` is None unless it lists them. `rule` is the
    kind of NodeRestriction's refusal, "" for others. `reason` is what the apiserver said beyond the
    request. The verb is "" where the text doesn't tell.
    """

    by: RefusedBy
    user: str
    request: Request
    reason: str = ""
    groups: tuple[str, ...] | None = None
    rule: str = ""


# The name of the rule, and the text that stands after "is forbidden: ". First the node, then what
# it touched, where the text has them.
_ADMISSION = tuple(
    (rule, re.compile(pattern))
    for rule, pattern in (
        ("other-node", rf"node {_Q} (?:is not allowed to|cannot) modify node {_Q}"),
        (
            "labels",
            rf"(?:node {_Q} )?is not allowed to (?:set the following labels|modify labels): (.+)",
        ),
        ("taints", rf"node {_Q} (?:is not allowed to|cannot) modify taints"),
        ("owner", rf"node {_Q} is not allowed to modify (?:metadata\.)?ownerReferences"),
        ("config-source", rf"(?:node {_Q} )?.*\bconfigSource"),
        ("lease", r"can only access (?:node lease with the same name|leases in the)"),
        ("csinode", rf"can only access CSINode|node {_Q} is not allowed to modify CSINode"),
        ("resource-slice", r"can only (?:create|delete) ResourceSlice"),
        (
            "token",
            r".*(?:node requested token|request tokens for audience|may only request 0 or 1)",
        ),
        ("csr", r"(?:can only create|unable to parse).* CSR with CN=system:node:([^\s\"]+)"),
        ("volume-claim", rf"(?:node {_Q} is not allowed to|may only) update .*status"),
        ("identity", rf"could not determine node from user {_Q}"),
        ("certificate-request", r".*PodCertificateRequest"),
        ("pod", r"(?:pod does not have .*)?node \"?([^\s\"]+)\"? can(?: only|not| not) .*"),
        ("pod", r".*can only create (?:and delete )?mirror pods"),
    )
)


def refusal_of(texts: Iterable[str]) -> Refusal | None:
    """The first refusal that one of the texts tells of, None where none does."""
    for text in texts:
        for mark, read in _READERS:
            found = read(text) if mark in text else None
            if found:
                return found
    return None


def _forbidden(text: str) -> Refusal | None:
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    user, verb, path, resource, group, old, namespace, reason = found.groups()
    kind, name = _object(text[: found.start()])
    if old is not None:
        resource, group = _old_resource(old, kind)
    main, _, subresource = (resource or "").partition("/")
    request = Request(
        verb, main, group or "", subresource, namespace or "", name, path=unescaped(path or "")
    )
    return Refusal(RefusedBy.AUTHORIZERS, _user(user), request, _reason(reason))


def _old_resource(said: str, kind: str) -> tuple[str, str]:
    """The resource and group of "leases.coordination.k8s.io", or of "pods/status"; up to 1.11."""
    resource, _, group = said.rstrip(".").partition(".")
    return resource, group or kind.partition(".")[2]


def _object(before: str) -> tuple[str, str]:
    """The qualified resource and the name right before "User": leases.x "node1" is forbidden."""
    found = _OBJECT.search(before[-_MAX_BEFORE:])
    return (found[1], unescaped(found[2] or "")) if found else ("", "")


def _user(quoted: str) -> str:
    name = unescaped(quoted)
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        name = name.replace(entity, letter)
    return name


def _reason(said: str | None) -> str:
    """The reasons, one a line: since 1.37 each authorizer's stands on a line of its own."""
    lines = (said or "").strip().split("\n")
    return "\n".join(line.strip() for line in lines if line.strip())[:_MAX_REASON]


def _rbac_log(text: str) -> Refusal | None:
    """RBAC's own log at -v5, which lists the groups."""
    found = _RBAC_LOG.search(text)
    if found is None:
        return None
    user, groups, verb, path, resource, name, namespace = found.groups()
    qualified, _, subresource = (resource or "").partition("/")
    main, _, group = qualified.partition(".")
    request = Request(verb, main, group, subresource, namespace or "", name or "", path=path or "")
    listed = tuple(unescaped(each[1]) for each in _STRING.finditer(groups))
    return Refusal(RefusedBy.RBAC, _user(user), request, groups=listed)


def _node_log(text: str) -> Refusal | None:
    """The Node authorizer's own log at -v2: it is on, and takes the user for that node."""
    found = _NODE_LOG.search(text)
    if found is None:
        return None
    said = {each[1]: unescaped(each[2]) for each in _FIELD.finditer(text, found.end()) if each[1]}
    is_path = "ResourceRequest:false" in text
    request = Request(
        said.get("Verb", ""),
        said.get("Resource", ""),
        said.get("APIGroup", ""),
        said.get("Subresource", ""),
        said.get("Namespace", ""),
        said.get("Name", ""),
        path=said.get("Path", "") if is_path else "",
    )
    user = NODE_USER_PREFIX + found[1]
    return Refusal(RefusedBy.NODE_AUTHORIZER, user, request, groups=(NODES_GROUP,))


def _graph_log(text: str) -> Refusal | None:
    """The same of the graph, which names the object as what it is there: "pvc default/data"."""
    found = _GRAPH_LOG.search(text)
    if found is None:
        return None
    said, node, vertex, namespace, name = found.groups()
    request = Request("get", _VERTICES.get(vertex, f"{vertex}s"), "", "", namespace, name)
    user = NODE_USER_PREFIX + node
    return Refusal(RefusedBy.NODE_AUTHORIZER, user, request, _reason(said), (NODES_GROUP,))


def _admission(text: str) -> Refusal | None:
    place = text.find(_IS_FORBIDDEN)
    if place < 0:
        return None
    kind, name = _object(text[: place + len(_IS_FORBIDDEN)])
    said = text[place + len(_IS_FORBIDDEN) :].split("\n", 1)[0]
    for rule, pattern in _ADMISSION:
        found = pattern.match(said)
        if found and kind:
            resource, _, group = kind.partition(".")
            request = Request("", resource, group, name=name)
            return Refusal(
                RefusedBy.NODE_RESTRICTION,
                _node_user(rule, found),
                request,
                _reason(said),
                rule=rule,
            )
    return None


def _node_user(rule: str, found: re.Match[str]) -> str:
    """The user that the text names: most rules name the node, "labels" may not."""
    node = found[1] if found.re.groups else None
    if rule == "identity":
        return _user(found[1])
    return NODE_USER_PREFIX + unescaped(node) if node else ""


def _authentication(text: str) -> Refusal | None:
    if re.search(r"(?:^|: |\")Unauthorized(?:$|[\s\"])|x509: certificate has expired", text):
        return Refusal(RefusedBy.AUTHENTICATION, "", Request(""), _reason(text[-300:]))
    return None


# What can't be read without its mark is not tried: of a large log most texts have one of them.
_READERS = (
    (" cannot ", _forbidden),
    ("no rules authorize", _rbac_log),
    ("NODE DENY", _node_log),
    ("NODE DENY", _graph_log),
    (_IS_FORBIDDEN, _admission),
    ("Unauthorized", _authentication),
    ("x509: certificate has expired", _authentication),
)
