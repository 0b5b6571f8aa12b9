"""The path picture: says what the assessment says, and nothing leaves its box."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from xml.etree.ElementTree import Element, fromstring

import pytest

from authzviz.engine.assessment import Assessment, Decision, Path, Switch, Verdict
from dashboard.picture.layers import Box, Place, restriction, tree
from dashboard.picture.layout import (
    LINE_SIZE,
    PADDING_X,
    PILL_SIZE,
    TITLE_SIZE,
    Layout,
    Placed,
    laid_out,
)
from dashboard.picture.narrow import laid_out_narrow
from dashboard.picture.svg import draw
from dashboard.picture.text import width_of, wrapped
from dashboard.visible import made_visible
from tests.dashboard.assessments import (
    ASSESSMENTS,
    BENIGN_GRANT,
    BY_NODE,
    HOSTILE,
    LEGACY_GRANT,
    NEEDS,
    OVER_GRANTED,
    TARGET,
    answer,
    hostile,
)

EVERY = {
    **{str(verdict): assessment for verdict, assessment in ASSESSMENTS.items()},
    **{f"named {name[:20]!r}": hostile(name) for name in HOSTILE},
}
DRAWN = {"svg", "a", "title", "rect", "text", "path", "g", "circle"}
WRITTEN = {"class", "cx", "cy", "d", "r", "height", "href", "rx", "viewBox", "width", "x", "y"}


HERE = Place("alpha", 1)
LAYOUTS = {"wide": laid_out, "narrow": laid_out_narrow}
each_form = pytest.mark.parametrize("form", LAYOUTS)


def layout_of(assessment: Assessment, path: Path, form: str) -> Layout:
    return LAYOUTS[form](
        *made_visible((tree(assessment, path, HERE), restriction(assessment, HERE)))
    )


def boxes(box: Box) -> list[Box]:
    return [box, *(inner for child in box.children for inner in boxes(child))]


def drawn(assessment: Assessment) -> list[Element]:
    """Both pictures of every path."""
    return [
        svg
        for path in assessment.paths
        for svg in fromstring(f"<div>{draw(assessment, path, HERE)}</div>")  # noqa: S314
    ]


def overlap(one: Placed, other: Placed) -> bool:
    apart_sideways = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (apart_sideways or one.y + one.height <= other.y or other.y + other.height <= one.y)


@each_form
@pytest.mark.parametrize("assessment", EVERY.values(), ids=EVERY)
def test_text_fits_its_box(assessment: Assessment, form: str) -> None:
    for path in assessment.paths:
        for place in layout_of(assessment, path, form).places:
            size = PILL_SIZE if place.box.is_pill else TITLE_SIZE
            room = place.width - 2 * PADDING_X
            assert place.title
            assert all(width_of(line, size) <= room for line in place.title)
            assert all(width_of(line, LINE_SIZE) <= room for line in place.lines)


@each_form
@pytest.mark.parametrize("assessment", EVERY.values(), ids=EVERY)
def test_boxes_stand_apart_and_within_the_picture(assessment: Assessment, form: str) -> None:
    for path in assessment.paths:
        layout = layout_of(assessment, path, form)
        assert not [pair for pair in combinations(layout.places, 2) if overlap(*pair)]
        for place in layout.places:
            assert 0 <= place.x <= place.x + place.width <= layout.width
            assert 0 <= place.y <= place.y + place.height <= layout.height
        for line in layout.lines:
            numbers = [float(number) for number in re.findall(r"-?[0-9.]+", line.data)]
            assert all(0 <= number <= max(layout.width, layout.height) for number in numbers)


@pytest.mark.parametrize("assessment", ASSESSMENTS.values(), ids=map(str, ASSESSMENTS))
def test_both_forms_say_the_same(assessment: Assessment) -> None:
    for path in assessment.paths:
        said = [
            sorted((place.box.title, place.box.href) for place in layout.places)
            for layout in (layout_of(assessment, path, form) for form in LAYOUTS)
        ]
        assert said[0] == said[1]


def test_a_phone_shows_the_narrow_form_whole() -> None:
    for assessment in ASSESSMENTS.values():
        for path in assessment.paths:
            assert layout_of(assessment, path, "narrow").width <= 380 - 2 * 8 - 2 * 10


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_nothing_else(name: str) -> None:
    for svg in drawn(hostile(name)):
        for element in svg.iter():
            assert element.tag in DRAWN
            assert set(element.keys()) <= WRITTEN
            assert element.get("href", "#").startswith(("#", "/clusters/alpha/"))
            text = element.text or ""
            assert text.isprintable()


@pytest.mark.parametrize("assessment", ASSESSMENTS.values(), ids=map(str, ASSESSMENTS))
def test_every_box_is_a_link_with_its_full_text_as_title(assessment: Assessment) -> None:
    for svg in drawn(assessment):
        links = svg.findall("a")
        assert len(links) >= 5
        assert all(link.get("href", "")[1:] for link in links)
        assert all((link.findtext("title") or "").strip() for link in links)
        assert svg.get("role") is None  # role=img would hide the links within


def looks(assessment: Assessment, title: str) -> list[str]:
    path = assessment.paths[0]
    every = [*boxes(tree(assessment, path, HERE)), restriction(assessment, HERE)]
    return [box.look for box in every if title in box.title]


LOOKS = {
    "refused: Node authorizer is off": (Verdict.REFUSED, "Node authorizer", ["off"]),
    "refused: the empty binding reaches nobody": (
        Verdict.REFUSED,
        "has no subjects",
        ["critical"],
    ),
    "refused: the Lease": (Verdict.REFUSED, "✕ renew its own Lease", ["critical"]),
    "legacy: the binding leaks": (Verdict.LEGACY_BINDING, "Leak: get, list, watch", ["leak"]),
    "legacy: it serves the Lease": (Verdict.LEGACY_BINDING, "✓ renew its own Lease", ["good"]),
    "over-granted: Node serves": (Verdict.OVER_GRANTED, "Node authorizer", ["good"]),
    "over-granted: RBAC leaks": (Verdict.OVER_GRANTED, "Leak: get, list, watch", ["leak"]),
    "target: nothing leaks": (Verdict.NODE_AUTHORIZER, "Leak", []),
    "target: NodeRestriction on": (Verdict.NODE_AUTHORIZER, "NodeRestriction", ["good"]),
    "unrestricted: off": (Verdict.UNRESTRICTED, "NodeRestriction", ["warning"]),
    "unknown: restriction": (Verdict.UNKNOWN, "NodeRestriction", ["unsure"]),
    "unknown: RBAC": (Verdict.UNKNOWN, "RBAC", ["unsure"]),
    "mixed: Node": (Verdict.MIXED, "Node authorizer", ["warning"]),
    "always allow": (Verdict.ALWAYS_ALLOW, "AlwaysAllow", ["leak"]),
    "incomplete: tokens": (Verdict.INCOMPLETE, "✕ request ServiceAccount", ["critical"]),
}


@pytest.mark.parametrize(("verdict", "title", "expected"), LOOKS.values(), ids=LOOKS)
def test_what_is_off_refused_leaking_or_unread_looks_so(
    verdict: Verdict, title: str, expected: list[str]
) -> None:
    assert looks(ASSESSMENTS[verdict], title) == expected


def test_an_unknown_chain_is_drawn_as_unknown() -> None:
    unread = replace(
        ASSESSMENTS[Verdict.UNKNOWN],
        node_authorizer=Switch.UNKNOWN,
        paths=(replace(TARGET.paths[0], answers=()),),
    )

    assert looks(unread, "Node authorizer") == ["unsure"]
    assert looks(unread, "RBAC") == ["unsure"]
    assert looks(unread, "✓") == []


def test_unknown_decisions_hang_on_the_authorizer_that_can_not_be_read() -> None:
    unread = tuple(
        answer(need, Decision.UNKNOWN, "", "", "the webhook may allow it") for need in NEEDS
    )
    assessment = replace(
        TARGET,
        authorization_modes=("Node", "Webhook", "RBAC"),
        paths=(replace(TARGET.paths[0], answers=unread),),
    )

    root = tree(assessment, assessment.paths[0], HERE)

    webhook = next(box for box in root.children if box.title == "Webhook")
    assert webhook.look == "unsure"
    assert {box.look for box in boxes(webhook)} == {"unsure"}


def test_without_rbac_in_the_chain_bindings_grant_nothing() -> None:
    assessment = replace(TARGET, authorization_modes=("Node", "AlwaysDeny"), grants=(LEGACY_GRANT,))

    assert looks(assessment, "RBAC") == ["off"]
    assert looks(assessment, "Leak") == []


def test_a_grant_to_one_nodes_user_is_drawn_on_its_path_alone() -> None:
    grant = replace(LEGACY_GRANT, subject="User system:node:worker-7", binding="RoleBinding a/b")
    one, others = OVER_GRANTED.paths[0], OVER_GRANTED.paths[0]
    assessment = replace(
        OVER_GRANTED,
        grants=(grant,),
        paths=(replace(one, nodes=1, example="worker-7", names=("worker-7",)), others),
    )
    other = replace(others, names=("worker-1",), example="worker-1")

    own_titles = [box.title for box in boxes(tree(assessment, assessment.paths[0], HERE))]
    other_titles = [box.title for box in boxes(tree(assessment, other, HERE))]

    assert "RoleBinding a/b" in own_titles
    assert "RoleBinding a/b" not in other_titles


def test_many_grants_are_counted_not_drawn() -> None:
    many = tuple(replace(LEGACY_GRANT, binding=f"ClusterRoleBinding {n}") for n in range(40))

    root = tree(replace(OVER_GRANTED, grants=many), OVER_GRANTED.paths[0], HERE)

    titles = [box.title for box in boxes(root)]
    assert "37 more grants" in titles
    assert len([title for title in titles if title.startswith("ClusterRoleBinding")]) == 3


def test_needs_that_are_met_alike_are_folded_but_core_ones_are_named() -> None:
    titles = [box.title for box in boxes(tree(TARGET, TARGET.paths[0], HERE)) if box.is_pill]

    core = [f"✓ {one.title}" for one in BY_NODE if one.is_core]
    assert titles == [*core, f"✓ {len(BY_NODE) - len(core)} other needs"]


WRAPPED = {
    "breaks at a space": ("one two three", 60.0, 3, 2),
    "a long name breaks anywhere": ("x" * 40, 60.0, 3, 3),
    "one line is cut": ("word " * 30, 60.0, 1, 1),
    "wide letters": ("界" * 30, 60.0, 2, 2),
    "narrower than a letter": ("wide", 3.0, 2, 2),
}


@pytest.mark.parametrize(("text", "width", "most", "lines"), WRAPPED.values(), ids=WRAPPED)
def test_wrapping_keeps_to_its_lines(text: str, width: float, most: int, lines: int) -> None:
    assert len(wrapped(text, 12, width, most)) == lines


def test_what_is_left_out_ends_with_an_ellipsis() -> None:
    assert wrapped("x" * 253, 12, 100, 2)[-1].endswith("…")
    assert wrapped("system:node:node1", 13, 180, 3) == ("system:node:node1",)


def test_what_refuses_is_crossed_out_and_nothing_else() -> None:
    def crosses(assessment: Assessment, form: str) -> int:
        lines = layout_of(assessment, assessment.paths[0], form).lines
        return sum(line.broken is not None for line in lines)

    for form in LAYOUTS:
        assert crosses(ASSESSMENTS[Verdict.REFUSED], form) == 1
        assert crosses(TARGET, form) == 0


LEADS = {
    "the kubelet: its nodes": ("system:node:", "/clusters/alpha/nodes/?path=1"),
    "an authorizer: the apiservers": ("RBAC", "/clusters/alpha/evidence/#apiservers"),
    "what is off: the apiservers": ("Node authorizer", "/clusters/alpha/evidence/#apiservers"),
    "a binding: its grant": (
        "ClusterRoleBinding system:node",
        "/clusters/alpha/grants/?search=ClusterRoleBinding+system%3Anode",
    ),
    "a leak: the same grant": (
        "Leak",
        "/clusters/alpha/grants/?search=ClusterRoleBinding+system%3Anode",
    ),
    "a need: its row": ("✓ renew", "#path-1-lease"),
    "the other needs: the table": ("other needs", "#path-1-table"),
    "NodeRestriction: the apiservers": ("NodeRestriction", "/clusters/alpha/evidence/#apiservers"),
}


@pytest.mark.parametrize(("title", "href"), LEADS.values(), ids=LEADS)
def test_everything_leads_to_what_it_rests_on(title: str, href: str) -> None:
    assessment = ASSESSMENTS[Verdict.LEGACY_BINDING]
    root = tree(assessment, assessment.paths[0], HERE)
    every = [*boxes(root), restriction(assessment, HERE)]

    assert href in [box.href for box in every if title in box.title]


def test_a_binding_that_reaches_nobody_leads_to_itself() -> None:
    answers = tuple(
        replace(one, through="ClusterRoleBinding system:node")
        for one in ASSESSMENTS[Verdict.REFUSED].paths[0].answers
    )
    path = replace(ASSESSMENTS[Verdict.REFUSED].paths[0], answers=answers)

    every = boxes(tree(ASSESSMENTS[Verdict.REFUSED], path, HERE))

    assert "/clusters/alpha/objects/clusterrolebindings/system:node/" in [box.href for box in every]


def test_a_leak_says_what_leaks() -> None:
    grant = replace(LEGACY_GRANT, exposes="every Secret of the cluster")
    assessment = replace(OVER_GRANTED, grants=(grant,))

    leaks = [
        box for box in boxes(tree(assessment, assessment.paths[0], HERE)) if box.look == "leak"
    ]

    assert leaks[0].title == "Leak: every Secret of the cluster"
    assert leaks[0].lines == (LEGACY_GRANT.beyond[0], "and 3 more")


@each_form
def test_what_reaches_nobody_leads_to_no_admission(form: str) -> None:
    for assessment, look in ((ASSESSMENTS[Verdict.REFUSED], "off"), (TARGET, "good")):
        layout = layout_of(assessment, assessment.paths[0], form)
        assert layout.lines[-1].look == look


def test_rbac_that_adds_nothing_leads_to_the_benign_grants() -> None:
    root = tree(replace(TARGET, grants=(BENIGN_GRANT,)), TARGET.paths[0], HERE)
    rbac = next(box for box in root.children if box.title == "RBAC")

    assert [(box.title, box.href) for box in rbac.children] == [
        ("1 benign grant", "/clusters/alpha/grants/?show=benign")
    ]


def test_no_line_of_a_name_is_a_single_letter() -> None:
    assert wrapped("system:node:eu-2-worker-1", 13, 172, 3) == ("system:node:eu-2-", "worker-1")
