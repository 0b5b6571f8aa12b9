"""Addresses of what a cluster's pages show, so that picture, tables and findings lead there."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, urlencode

from django.urls import NoReverseMatch, reverse

from dashboard.services.plan_rows import key_of


def object_url(slug: str, kind: str, name: str, namespace: str = "") -> str:
    """The page of one object as it was read; "" for a name that no address can hold.

    `name` is as the apiserver gave it, not made visible: the address is escaped.
    """
    try:
        url = reverse("cluster_object", args=(slug, kind, name))
    except NoReverseMatch:
        return ""
    return f"{url}?{urlencode({'namespace': namespace})}" if namespace else url


def nodes_url(slug: str, **asked: str) -> str:
    """The nodes of a cluster, or those that are asked for."""
    return _with(reverse("cluster_nodes", args=(slug,)), asked)


def grants_url(slug: str, **asked: str) -> str:
    """The grants of a cluster, or those that are asked for."""
    return _with(reverse("cluster_grants", args=(slug,)), asked)


def evidence_url(slug: str, anchor: str = "") -> str:
    """The evidence of a cluster, or one place in it."""
    return reverse("cluster_evidence", args=(slug,)) + (f"#{anchor}" if anchor else "")


def finding_url(slug: str, key: str) -> str:
    """Where a finding stands on its cluster's page, open or accepted."""
    return f"{reverse('cluster', args=(slug,))}#finding-{quote(key)}"


def plan_url(slug: str, anchor: str = "") -> str:
    """The Plan tab of a cluster, or one place in it: a phase or a step."""
    return reverse("cluster_plan", args=(slug,)) + (f"#{anchor}" if anchor else "")


def step_anchor(step_id: str) -> str:
    """The place of a step on the Plan tab, in plain letters whatever names its id holds; the same
    of its id and of the key under which it is stored.
    """
    key = key_of(step_id)
    plain = re.sub("[^A-Za-z0-9._-]+", "-", key)[:60].strip("-")
    if plain == key:
        return f"step-{plain}"
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
    return f"step-{plain}-{digest[:8]}"


def phase_anchor(phase_id: str) -> str:
    """The place of a phase on the Plan tab."""
    return f"phase-{phase_id}"


def _with(url: str, asked: dict[str, str]) -> str:
    return f"{url}?{urlencode(asked)}" if asked else url
