"""What a cluster's authorizers say to any request of any identity, as its apiservers would."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from authzviz.engine import node
from authzviz.engine.assessment import Decision
from authzviz.engine.chain import OPAQUE_MODES
from authzviz.engine.control_plane import has_unseen, states_of
from authzviz.engine.decide import ALWAYS_ALLOW, NO_OPINION, Said, nobody
from authzviz.engine.distribution import distribution_of
from authzviz.engine.gates import BY_DEFAULT, Settings
from authzviz.engine.graph import Graph, graph_of
from authzviz.engine.identity import MASTERS_GROUP, NODE_USER_PREFIX, NODES_GROUP, Identity
from authzviz.engine.judging import judged_minor
from authzviz.engine.model import Snapshot
from authzviz.engine.node import changing_minors
from authzviz.engine.rbac import index
from authzviz.engine.request import Request
from authzviz.engine.rights import Rights

_MASTERS = Said(
    Decision.ALLOW,
    MASTERS_GROUP,
    because=f"Group {MASTERS_GROUP} may do everything: no authorizer is asked",
)
_OPAQUE = {
    mode: Said(Decision.UNKNOWN, mode, because=f"what {mode} answers was not asked")
    for mode in OPAQUE_MODES
}
_NO_NODE = Said(Decision.NO, because=f"Node takes nobody outside Group {NODES_GROUP} for a kubelet")


@dataclass(frozen=True, slots=True)
class Chain:
    """One apiserver's authorizers in their order, by the rules of one minor version.

    `modes` is None where they can't be told; `why` then says so. `settings` are the gates that its
    flags set, `graph` what is known of pods.
    """

    name: str
    modes: tuple[str, ...] | None
    why: str
    minor: int
    rights: Rights
    settings: Settings = BY_DEFAULT
    graph: Graph | None = None

    def decide(self, identity: Identity, request: Request) -> Said:
        """What this apiserver says to the request.

        Source: kubernetes v1.37.2 pkg/kubeapiserver/authorizer/reload.go (system:masters first)
        and k8s.io/apiserver pkg/authorization/union/union.go.
        """
        if MASTERS_GROUP in identity.groups:
            return _MASTERS
        if self.modes is None:
            return Said(Decision.UNKNOWN, because=self.why)
        doubts: list[Said] = []
        refusal = ""
        for mode in self.modes:
            said = self._ask(mode, identity, request)
            if said.decision is Decision.ALLOW:
                return _allowed(said, doubts) if doubts else said
            if said.decision is not Decision.NO:
                doubts.append(said)
            else:
                refusal = said.because or refusal
        if doubts:
            return _doubtful(doubts)
        return _refusal(self.modes, refusal, self.rights.unheard_of(request))

    def _ask(self, mode: str, identity: Identity, request: Request) -> Said:
        if mode == "Node":
            return self._ask_node(identity, request)
        if mode == "RBAC":
            return self.rights.decide(identity, request)
        if mode == "AlwaysAllow":
            return ALWAYS_ALLOW
        # AlwaysDeny has no opinion either, whatever its name says.
        return _OPAQUE.get(mode, NO_OPINION)

    def _ask_node(self, identity: Identity, request: Request) -> Said:
        name = identity.node_name
        if name is None:
            return _NO_NODE if identity.user.startswith(NODE_USER_PREFIX) else NO_OPINION
        said = node.decide(name, request, self.minor, self.settings, self.graph)
        return _said_by_node(said.decision, said.because)


@dataclass(frozen=True, slots=True)
class Authorization:
    """Who may do what in one cluster: all the chains that may answer a request."""

    chains: tuple[Chain, ...]

    def decide(self, identity: Identity, request: Request) -> Said:
        """What the cluster says: unknown where it hangs on which apiserver answers."""
        first, *others = self.chains
        said = first.decide(identity, request)
        for chain in others:
            other = chain.decide(identity, request)
            if other.decision is not said.decision:
                return _disagreement((first.name, said), (chain.name, other))
        return said


def authorization_of(snapshot: Snapshot) -> Authorization:
    """The chains of a snapshot, alike ones once. Time: O(bindings + roles).

    Apiservers that were not seen answer too, and where the version is not known, every version
    may: what they say is not known, or all that they may say.
    """
    rights, graph = Rights(index(snapshot)), graph_of(snapshot)
    minor, is_version_known = judged_minor(snapshot)
    found: dict[tuple[object, ...], Chain] = {}
    for name, modes, why, settings in _authorizers(snapshot):
        for each in (minor,) if is_version_known else changing_minors(settings):
            label = name if is_version_known else f"{name} as 1.{each}"
            chain = Chain(label, modes, why, each, rights, settings, graph)
            found.setdefault((modes, why, each, settings), chain)
    return Authorization(tuple(found.values()))


def _authorizers(snapshot: Snapshot) -> list[tuple[str, tuple[str, ...] | None, str, Settings]]:
    """Name, modes and gates of every apiserver, None for modes that can't be told, and why."""
    found: list[tuple[str, tuple[str, ...] | None, str, Settings]] = []
    distribution = distribution_of(snapshot).name
    for state in states_of(snapshot, distribution):
        why = f"the authorizers of {state.name} can't be told: {state.why}" if state.why else ""
        found.append((state.name, state.authorization_modes, why, state.feature_gates))
    if not found:
        why = snapshot.apiservers.why or "no apiserver's flags were seen"
        return [("the apiserver", None, f"the authorizers can't be told: {why}", BY_DEFAULT)]
    if has_unseen(snapshot, distribution):
        why = "more apiservers answer than those whose flags were seen"
        found.append(("an apiserver that was not seen", None, why, BY_DEFAULT))
    return found


# Decisions are alike by the thousand, and making each anew would cost more than deciding.
@lru_cache(maxsize=1_000)
def _said_by_node(decision: Decision, because: str) -> Said:
    return Said(decision, "Node", because=f"Node: {because}")


@lru_cache(maxsize=1_000)
def _refusal(modes: tuple[str, ...], refusal: str, hint: str) -> Said:
    reasons = (nobody(modes), refusal, hint)
    return Said(Decision.NO, because="; ".join(reason for reason in reasons if reason))


def _allowed(said: Said, doubts: list[Said]) -> Said:
    """An allowance behind authorizers that can't be told. Only a webhook may deny: ABAC and Node
    allow or have no opinion.
    """
    if not any(doubt.by == "Webhook" for doubt in doubts):
        return said
    because = f"Webhook is asked before, and may deny: that was not asked; then {said.because}"
    return Said(Decision.UNKNOWN, because=because)


def _doubtful(doubts: list[Said]) -> Said:
    """Conditional only where nothing but the relation decides."""
    if all(doubt.decision is Decision.CONDITIONAL for doubt in doubts):
        return doubts[0]
    return Said(Decision.UNKNOWN, because="; ".join(doubt.because for doubt in doubts))


def _disagreement(*sides: tuple[str, Said]) -> Said:
    words = [f"{name} says {said.decision} ({said.because})" for name, said in sides]
    return Said(Decision.UNKNOWN, because=f"it hangs on which answers: {'; '.join(words)}")
