"""What a client certificate must say so that an apiserver takes its holder for a kubelet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from authzviz.engine.assessment import Severity
from authzviz.engine.identity import (
    MASTERS_GROUP,
    NODE_USER_PREFIX,
    NODES_GROUP,
    looks_foreign,
    visible,
)
from authzviz.engine.phrases import counted, listed
from authzviz.evidence.certificate_facts import Certificate, Check, Form, fine, problem, unsure

_NODE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_SOON = timedelta(days=14)
# A kubelet that rotates asks for the next one when 70 to 90 % of the time have passed.
# Source: kubernetes v1.37.2 staging k8s.io/client-go util/certificate/certificate_manager.go,
# nextRotationDeadline and jitteryDuration.
_LAST_PART = 10

REISSUE = (
    "Issue a new one with O = system:nodes and CN = system:node:<Node name>, in lower case, and"
    " restart the kubelet."
)
RENEW = (
    "Let the kubelet ask for a new one (rotateCertificates: true, and someone to approve it), or"
    " issue one by hand; then restart the kubelet."
)


def checks_of(certificate: Certificate, now: datetime) -> Iterator[Check]:
    """Every check that needs no cluster, in the order in which an apiserver comes upon it."""
    yield from _validity(certificate, now)
    yield from _usage(certificate)
    yield _organization(certificate)
    yield from _other_groups(certificate)
    yield _common_name(certificate)
    yield from _node_name(certificate)


def node_named(certificate: Certificate) -> str:
    """The node that the CN names, whatever its groups are; "" for none."""
    user = certificate.identity.user
    return user.removeprefix(NODE_USER_PREFIX) if user.startswith(NODE_USER_PREFIX) else ""


def shown(name: str) -> str:
    """A name for a sentence: as it is, or with what is not plain spelled out."""
    return visible(name) if looks_foreign(name) else name


def in_words(span: timedelta) -> str:
    """A span in its one fitting unit: "3 days", "5 hours", "12 minutes"."""
    seconds = int(abs(span).total_seconds())
    if seconds >= 2 * 86_400:
        return counted(seconds // 86_400, "day")
    if seconds >= 2 * 3_600:
        return counted(seconds // 3_600, "hour")
    return counted(seconds // 60, "minute")


def _validity(certificate: Certificate, now: datetime) -> Iterator[Check]:
    begin, end = certificate.not_before, certificate.not_after
    if certificate.form is Form.REQUEST:
        return
    if begin and now < begin:
        yield problem(
            "not-yet-valid",
            Severity.CRITICAL,
            f"It is not valid yet, but only in {in_words(begin - now)}",
            "An apiserver refuses it until then (401 Unauthorized).",
            "Compare the clocks of the node, of whoever signed it and of this server.",
        )
    elif end is None:
        yield unsure(
            "validity",
            "Whether it is still valid can't be told",
            "What was given has no time in it.",
            "Give the certificate itself, or the lines of `openssl x509 -subject -dates`.",
        )
    elif now >= end:
        yield problem(
            "expired",
            Severity.CRITICAL,
            f"It expired {in_words(now - end)} ago",
            "An apiserver refuses it (401 Unauthorized): its node goes NotReady, and stays so.",
            RENEW,
        )
    elif end - now < _notice(begin, end):
        yield problem(
            "expires-soon",
            Severity.HIGH,
            f"It expires in {in_words(end - now)}",
            "A kubelet that rotates its certificate has a new one by now: this one does not seem"
            " to. When it expires, the node goes NotReady.",
            RENEW,
        )
    else:
        yield fine("validity", "It is valid", f"It expires in {in_words(end - now)}.")


def _notice(begin: datetime | None, end: datetime) -> timedelta:
    """How long before the end it is late: 14 days, for short lives the last tenth."""
    return min(_SOON, (end - begin) / _LAST_PART) if begin else _SOON


def _usage(certificate: Certificate) -> Iterator[Check]:
    usage = certificate.usage
    if usage is None:
        if certificate.form is not Form.REQUEST:
            yield unsure(
                "usage",
                "What it may be used for can't be told",
                "A subject says nothing of it.",
                "Give the certificate itself.",
            )
        return
    if usage.is_authority:
        yield problem(
            "is-authority",
            Severity.CRITICAL,
            "It is a certificate authority",
            "Whoever holds its key may sign certificates for anybody, system:masters included,"
            " where an apiserver trusts it or whoever signed it.",
            "Issue one for the node that is none (basicConstraints CA:FALSE), in place of this.",
        )
    if usage.purposes is not None and not {"clientAuth", "anyExtendedKeyUsage"} & {*usage.purposes}:
        yield problem(
            "no-client-auth",
            Severity.CRITICAL,
            "It is not for clients",
            f"Its extended key usage is {listed(list(usage.purposes)) or 'empty'}, without"
            " clientAuth: an apiserver refuses it (401 Unauthorized)."
            f"{_SERVING if 'serverAuth' in usage.purposes else ''}",
            "Give, or issue, the client certificate: extended key usage clientAuth.",
        )
    elif usage.signs is False:
        yield problem(
            "no-digital-signature",
            Severity.MEDIUM,
            "Its key usage lacks digitalSignature",
            "A client proves itself by a signature. An apiserver may not look at this, and other"
            " programs refuse it.",
            "Issue one with key usage digitalSignature.",
        )
    else:
        yield fine("usage", "It may be used by a client", _purposes_in_words(usage.purposes))


_SERVING = " It is a serving certificate, with which a kubelet answers; the other one is asked for."


def _purposes_in_words(purposes: tuple[str, ...] | None) -> str:
    if purposes is None:
        return "It has no extended key usage, which an apiserver takes as good for all."
    return f"Extended key usage: {listed(list(purposes))}."


def _organization(certificate: Certificate) -> Check:
    groups = certificate.organizations
    if MASTERS_GROUP in groups:
        return problem(
            "masters",
            Severity.CRITICAL,
            "It is in group system:masters",
            "Whoever holds its key may do everything in the cluster: no authorizer is asked, and no"
            " binding has to grant it. NodeRestriction holds only who is a node by O and CN.",
            f"{REISSUE} This one can't be revoked: where it may have leaked, replace the CA.",
        )
    if NODES_GROUP in groups:
        return fine("organization", "It is in group system:nodes", "O = system:nodes.")
    return problem(
        "no-system-nodes",
        Severity.CRITICAL,
        "It is not in group system:nodes",
        f"{_said_of(groups)} The Node authorizer and NodeRestriction take only members of"
        " system:nodes for kubelets, and the letters must be the very same.",
        REISSUE,
    )


def _said_of(groups: tuple[str, ...]) -> str:
    if not groups:
        return "It has no O."
    said = f"Its O is {listed([shown(group) for group in groups])}."
    if any(looks_foreign(group) for group in groups):
        return f"{said} That only looks like plain letters."
    if any(group.strip().lower() in ("system:nodes", "system:node") for group in groups):
        return f"{said} That is nearly, but not, system:nodes."
    return said


def _other_groups(certificate: Certificate) -> Iterator[Check]:
    named = dict.fromkeys(certificate.organizations)
    others = [group for group in named if group not in (NODES_GROUP, MASTERS_GROUP)]
    if others and NODES_GROUP in named:
        what, them = ("another group", "it") if len(others) == 1 else ("other groups", "them")
        yield problem(
            "other-groups",
            Severity.MEDIUM,
            f"It is in {what} beside system:nodes",
            f"O = {listed([shown(group) for group in others])}: what is bound to {them} adds to"
            " what the Node authorizer allows.",
            "Issue one with O = system:nodes alone.",
        )


def _common_name(certificate: Certificate) -> Check:
    names, user = certificate.common_names, certificate.identity.user
    if not names:
        return problem(
            "no-common-name",
            Severity.CRITICAL,
            "It has no CN",
            "An apiserver takes the CN for the user's name: without one it knows nobody.",
            REISSUE,
        )
    if not user.startswith(NODE_USER_PREFIX) or user == NODE_USER_PREFIX:
        return problem(
            "no-node-user",
            Severity.CRITICAL,
            "Its CN is not that of a kubelet",
            f"CN = {shown(user)}{_nearly(user)}. The Node authorizer and NodeRestriction ignore"
            " such a user: it lives by RBAC bindings alone.",
            REISSUE,
        )
    if len(names) > 1:
        return problem(
            "several-common-names",
            Severity.MEDIUM,
            "It has several CNs",
            f"{listed([shown(name) for name in names])}: an apiserver takes the last, other"
            " programs may take the first.",
            REISSUE,
        )
    return fine("common-name", "Its CN names a node", f"CN = {shown(user)}.")


def _nearly(user: str) -> str:
    if looks_foreign(user):
        return ", which only looks like plain letters"
    if user.lower().startswith(NODE_USER_PREFIX):
        return ", whose upper case letters make it another name"
    if user.startswith("system:nodes:"):
        return ", with system:nodes: where system:node: is meant"
    return ""


def _node_name(certificate: Certificate) -> Iterator[Check]:
    name = node_named(certificate)
    if not name:
        return
    lowered = shown(name.lower())
    if name != name.lower() and name.isascii():
        yield problem(
            "upper-case-node",
            Severity.CRITICAL,
            "The node's name is in upper case",
            f"{shown(name)} can't be the name of a Node: a kubelet lowers its name, so its Node is"
            f" {lowered}, and the Node authorizer takes this certificate for another's.",
            f"Issue one with CN = {NODE_USER_PREFIX}{lowered}, and restart the kubelet.",
        )
    elif not _NODE_NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield problem(
            "bad-node-name",
            Severity.CRITICAL,
            "No Node can have that name",
            f"{shown(name[:_LONGEST_NAME])}{_why_bad(name)}: names of Nodes are of a to z, 0 to 9,"
            f" - and ., at most {_LONGEST_NAME} of them.",
            REISSUE,
        )
    else:
        yield fine("node-name", "The node's name is well-formed", f"{name}, in lower case.")


def _why_bad(name: str) -> str:
    return " only looks like plain letters" if looks_foreign(name) else ""
