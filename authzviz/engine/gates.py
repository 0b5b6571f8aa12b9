"""Feature gates that the rules of nodes hang on: their defaults by version, and what flags set.

Source: kubernetes pkg/features/kube_features.go of 1.7 to 1.37; for how flags set them
k8s.io/component-base/featuregate/feature_gate.go (SetFromMap).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache

from authzviz.engine.flags import BadFlagError, values_of
from authzviz.engine.model import Flag

Settings = tuple[tuple[str, bool], ...]
"""Gates that an apiserver's flags set, by name; what they don't name has its default."""

BY_DEFAULT: Settings = ()

EXPAND_VOLUMES = "ExpandPersistentVolumes"
CSI_VOLUME = "CSIPersistentVolume"
TOKEN_REQUEST = "TokenRequest"  # noqa: S105 - the name of a gate
NODE_LEASE = "NodeLease"
RUNTIME_CLASS = "RuntimeClass"
CSI_NODE_INFO = "CSINodeInfo"
CSI_DRIVER_REGISTRY = "CSIDriverRegistry"
CSI_VOLUME_HEALTH = "CSIVolumeHealth"
RECOVER_EXPANSION = "RecoverVolumeExpansionFailure"
RESOURCE_ALLOCATION = "DynamicResourceAllocation"
TRUST_BUNDLE = "ClusterTrustBundle"
NODE_SELECTORS = "AuthorizeNodeWithSelectors"
INSECURE_SIGNING = "AllowInsecureKubeletCertificateSigningRequests"
NODE_AUDIENCE = "ServiceAccountNodeAudienceRestriction"
CREDENTIAL_PROVIDERS = "KubeletServiceAccountTokenForCredentialProviders"
POD_CERTIFICATE = "PodCertificateRequest"


class _Stage(Enum):
    ALPHA = "AllAlpha"
    BETA = "AllBeta"
    GENERAL = "GA"
    """Also for what is deprecated: neither AllAlpha nor AllBeta reaches it."""


@dataclass(frozen=True, slots=True)
class _Default:
    since: int
    stage: _Stage
    is_on: bool
    is_locked: bool = False


_ALPHA, _BETA, _GENERAL = _Stage.ALPHA, _Stage.BETA, _Stage.GENERAL


def _usual(alpha: int, beta: int, locked: int) -> tuple[_Default, ...]:
    """Off while alpha, on from beta, locked on when general."""
    return (
        _Default(alpha, _ALPHA, is_on=False),
        _Default(beta, _BETA, is_on=True),
        _Default(locked, _GENERAL, is_on=True, is_locked=True),
    )


_DEFAULTS: dict[str, tuple[_Default, ...]] = {
    EXPAND_VOLUMES: _usual(8, 11, 24),
    CSI_VOLUME: _usual(9, 10, 13),
    TOKEN_REQUEST: _usual(10, 12, 20),
    NODE_LEASE: _usual(12, 14, 17),
    RUNTIME_CLASS: _usual(12, 14, 20),
    CSI_NODE_INFO: _usual(12, 14, 17),
    CSI_DRIVER_REGISTRY: _usual(12, 14, 18),
    CSI_VOLUME_HEALTH: (_Default(21, _ALPHA, is_on=False),),
    RECOVER_EXPANSION: _usual(23, 32, 34),
    RESOURCE_ALLOCATION: (
        _Default(26, _ALPHA, is_on=False),
        _Default(32, _BETA, is_on=False),
        _Default(34, _GENERAL, is_on=True),
        _Default(35, _GENERAL, is_on=True, is_locked=True),
    ),
    TRUST_BUNDLE: (
        _Default(27, _ALPHA, is_on=False),
        _Default(33, _BETA, is_on=False),
        _Default(37, _GENERAL, is_on=True),
    ),
    NODE_SELECTORS: _usual(31, 32, 34),
    INSECURE_SIGNING: (_Default(31, _GENERAL, is_on=False),),
    NODE_AUDIENCE: (_Default(32, _BETA, is_on=False), _Default(33, _BETA, is_on=True)),
    CREDENTIAL_PROVIDERS: (
        _Default(33, _ALPHA, is_on=False),
        _Default(34, _BETA, is_on=True),
    ),
    POD_CERTIFICATE: (
        _Default(34, _ALPHA, is_on=False),
        _Default(35, _BETA, is_on=False),
        _Default(37, _GENERAL, is_on=True),
    ),
}

# strconv.ParseBool of Go.
_BOOLEANS = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)


@cache
def is_on(gate: str, minor: int, settings: Settings = BY_DEFAULT) -> bool:
    """Whether the gate is on in Kubernetes 1.`minor` with these settings; False before it existed.

    A locked gate keeps its default: with another value the apiserver wouldn't start.
    """
    known = [default for default in _DEFAULTS[gate] if default.since <= minor]
    if not known:
        return False
    default = known[-1]
    if default.is_locked:
        return default.is_on
    given = dict(settings)
    return given.get(gate, given.get(default.stage.value, default.is_on))


def of_flags(flags: tuple[Flag, ...]) -> Settings:
    """The gates that --feature-gates sets, those that matter here, sorted; the last value counts.

    Raises BadFlagError for a value with which no apiserver starts.
    """
    found: dict[str, bool] = {}
    for pair in values_of(flags, "feature-gates") or ():
        name, equals, value = pair.strip().partition("=")
        if not pair.strip():
            continue
        if not equals or value.strip() not in _BOOLEANS:
            raise BadFlagError(f'feature-gates "{pair.strip()}" is neither on nor off')
        # Since 1.31 the component's name may stand before the gate's; /flagz shows it empty.
        component, colon, gate = name.strip().rpartition(":")
        if not colon or component in ("", "kube"):
            found[gate] = _BOOLEANS[value.strip()]
    special = {_ALPHA.value, _BETA.value}
    return tuple(sorted((n, on) for n, on in found.items() if n in _DEFAULTS or n in special))
