"""Feature gates: their defaults, and what an apiserver's flags set."""

from __future__ import annotations

import pytest

from authzviz.engine import gates
from authzviz.engine.flags import BadFlagError
from authzviz.engine.gates import Settings
from authzviz.engine.model import Flag

SELECTORS = "AuthorizeNodeWithSelectors"

FLAGS: dict[str, tuple[tuple[str, ...], Settings]] = {
    "none": ((), ()),
    "one": ((f"{SELECTORS}=false",), ((SELECTORS, False),)),
    "several, those of no interest left out": (
        (f"TokenRequest=true,Foo=false,{SELECTORS}=F",),
        ((SELECTORS, False), ("TokenRequest", True)),
    ),
    "spaces and empty places": ((f" {SELECTORS} = 1 , ,",), ((SELECTORS, True),)),
    "given twice": ((f"{SELECTORS}=true", f"{SELECTORS}=false"), ((SELECTORS, False),)),
    "of a component": (
        (f"kube:{SELECTORS}=true,other:TokenRequest=true",),
        ((SELECTORS, True),),
    ),
    "as /flagz shows it": ((f":{SELECTORS}=true",), ((SELECTORS, True),)),
    "all alpha": (("AllAlpha=true,AllBeta=false",), (("AllAlpha", True), ("AllBeta", False))),
}


@pytest.mark.parametrize(("values", "settings"), FLAGS.values(), ids=FLAGS)
def test_what_flags_set(values: tuple[str, ...], settings: Settings) -> None:
    flags = tuple(Flag("feature-gates", value) for value in values)

    assert gates.of_flags((Flag("authorization-mode", "Node"), *flags)) == settings


@pytest.mark.parametrize("value", [SELECTORS, f"{SELECTORS}=yes", "=,x"])
def test_a_value_that_is_neither_on_nor_off_starts_no_apiserver(value: str) -> None:
    with pytest.raises(BadFlagError, match="neither on nor off"):
        gates.of_flags((Flag("feature-gates", value),))


DEFAULTS: dict[str, dict[int, bool]] = {
    SELECTORS: {30: False, 31: False, 32: True, 37: True},
    "DynamicResourceAllocation": {26: False, 33: False, 34: True},
    "ServiceAccountNodeAudienceRestriction": {31: False, 32: False, 33: True},
    "AllowInsecureKubeletCertificateSigningRequests": {30: False, 31: False, 37: False},
    "RecoverVolumeExpansionFailure": {31: False, 32: True},
    "CSIVolumeHealth": {37: False},
}


@pytest.mark.parametrize(("gate", "by_minor"), DEFAULTS.items(), ids=DEFAULTS)
def test_defaults(gate: str, by_minor: dict[int, bool]) -> None:
    assert {minor: gates.is_on(gate, minor) for minor in by_minor} == by_minor


def test_what_is_locked_or_not_there_yet_is_not_set() -> None:
    off, on = ((SELECTORS, False),), ((SELECTORS, True),)

    assert [gates.is_on(SELECTORS, minor, off) for minor in (33, 34)] == [False, True]
    assert [gates.is_on(SELECTORS, minor, on) for minor in (30, 31)] == [False, True]
