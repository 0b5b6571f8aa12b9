"""One kube-apiserver: the flags that something shows, and what it answered itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from authzviz.engine.read import Read
from authzviz.engine.rules import PolicyRule


@dataclass(frozen=True, slots=True)
class Flag:
    """One occurrence of a flag: name with dashes and without the leading ones, value as given (""
    for none).
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Authorizer:
    """One entry of an AuthorizationConfiguration: its type is a mode ("Node", "Webhook").

    `failure_policy` is NoOpinion or Deny for a webhook, "" for all others; `match_conditions` is
    how many conditions must hold before a webhook is asked.
    """

    type: str
    name: str
    failure_policy: str = ""
    match_conditions: int = 0


@dataclass(frozen=True, slots=True)
class FlagSource:
    """Flags that one place shows, and where that is.

    `defaults` names the distribution whose own defaults hold for flags that are not in it
    ("k3s"), "" where Kubernetes' own do.
    """

    evidence: str
    flags: tuple[Flag, ...]
    defaults: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What one apiserver answered to a SubjectAccessReview of `engine.probes`.

    `probe` is the question's id there. `node` is the node that it was asked for, "" for one that
    nobody has; the name made up for that one stands as "<node>" in `reason`. `error` is the
    evaluationError: a webhook that failed.
    """

    probe: str
    allowed: bool
    denied: bool = False
    reason: str = ""
    node: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What a SelfSubjectRulesReview says of our own credentials, in namespace kube-system.

    `error` is its evaluationError, which names the authorizers that can't list rules: webhooks, to
    whoever asks.
    """

    rules: tuple[PolicyRule, ...]
    is_incomplete: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What one apiserver's /metrics told, as far as it was read.

    `authorizers` are the (type, name) pairs that have decided something, `admission_plugins` those
    that have admitted something; `has_node_graph` is None where that far was not read. Absence
    proves nothing, but for a plugin where others are there.
    """

    read_at: datetime
    authorizers: tuple[tuple[str, str], ...] = ()
    admission_plugins: tuple[str, ...] = ()
    has_node_graph: bool | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What one apiserver answered when it was asked by itself.

    `metrics`, `restriction` and `flagz` are None where that was not asked; `restriction` is the
    dry-run probe of NodeRestriction, which only an operator turns on: True where it refused.
    `flagz` are the flags of the running process, which ApiServer.flags then are, too.
    """

    reviews: Read[tuple[Review, ...]]
    rules: Read[OwnRules]
    metrics: Read[Metrics] | None = None
    restriction: Read[bool] | None = None
    flagz: Read[tuple[Flag, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Unasked:
    """Why an apiserver was not asked by itself, and when that was tried last."""

    why: str
    tried_at: datetime


@dataclass(frozen=True, slots=True)
class ApiServer:
    """One kube-apiserver, with its authorization flags in the order given; what they mean is
    `chain`'s business.

    `flags` is None where they could not be read; `why` then says so. Only the flags named in
    kube.flags are kept. `evidence` is where they come from ("mirror pod
    kube-system/kube-apiserver-cp1", "/flagz"), `defaults` as in FlagSource. `other_sources` say
    the same of this apiserver, or something else, and weigh less. `authorizers` is what the file
    says that --authorization-config names, None where that was not read: no API shows it.

    `address` is its own ("192.0.2.1:6443"), "" where unknown. `observed` is what it answered
    itself; `unasked` why it did not. `is_alias` where it is one of the others, reached through a
    balancer: which one, nobody knows.
    """

    name: str
    flags: tuple[Flag, ...] | None
    evidence: str
    why: str = ""
    authorizers: tuple[Authorizer, ...] | None = None
    defaults: str = ""
    other_sources: tuple[FlagSource, ...] = ()
    address: str = ""
    observed: Observed | None = None
    unasked: Unasked | None = None
    is_alias: bool = False
