"""One object of a cluster as it was read: as YAML, with what is left out, and who refers to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from authzviz.engine.grants import describe_binding, describe_role, describe_subject
from authzviz.engine.identity import NODE_USER_PREFIX, named_node
from authzviz.engine.model import ApiServer, Binding, Node, Ready, Role, Snapshot
from authzviz.engine.phrases import listed
from authzviz.kube.manifests import (
    Manifest,
    of_authorizers,
    of_binding,
    of_flags,
    of_node,
    of_role,
    to_yaml,
)
from dashboard.shown.cluster_grants import binding_url, role_url
from dashboard.shown.links import grants_url, object_url
from dashboard.visible import made_visible

MOST_LETTERS = 50_000
MOST_REFERENCES = 50
MOST_SUBJECTS = 3
_OF_RBAC = "uid, times, labels, managedFields and annotations (but autoupdate)"


_Named = TypeVar("_Named", Role, Binding)


@dataclass(frozen=True, slots=True)
class Text:
    """One text to read and copy, and where it comes from; `is_cut` where it goes on."""

    title: str
    text: str
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """Another object that refers to this one, or that this one refers to."""

    how: str
    what: str
    url: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """What cluster_object.html shows; `left_out` says what of the object is not kept."""

    kind: str
    name: str
    namespace: str
    texts: tuple[Text, ...]
    left_out: str
    references: tuple[Reference, ...]
    references_left_out: int


def object_page(
    snapshot: Snapshot, slug: str, kind: str, name: str, namespace: str
) -> ObjectPage | None:
    """The page of one object of the snapshot; None for what it doesn't hold."""
    page = _KINDS[kind](snapshot, slug, name, namespace) if kind in _KINDS else None
    return made_visible(page) if page else None


def _role(snapshot: Snapshot, slug: str, name: str, namespace: str) -> ObjectPage | None:
    read = snapshot.roles if namespace else snapshot.cluster_roles
    found = _named(read.value, name, namespace)
    if found is None:
        return None
    kind = "Role" if namespace else "ClusterRole"
    selectors = "; of an aggregated role the selectors, though not its rules"
    return _page(
        kind,
        found,
        (_text("", of_role(found)),),
        _OF_RBAC + (selectors if found.is_aggregated else ""),
        _bound_to(snapshot, slug, kind, found),
    )


def _binding(snapshot: Snapshot, slug: str, name: str, namespace: str) -> ObjectPage | None:
    read = snapshot.role_bindings if namespace else snapshot.cluster_role_bindings
    found = _named(read.value, name, namespace)
    if found is None:
        return None
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return _page(
        kind,
        found,
        (_text("", of_binding(found)),),
        _OF_RBAC,
        _around(snapshot, slug, found),
    )


def _node(snapshot: Snapshot, slug: str, name: str) -> ObjectPage | None:
    found = next((one for one in snapshot.nodes.value or () if one.name == name), None)
    if found is None:
        return None
    unread = "; its condition, which was not read by itself: kubectl shows NotReady"
    return _page(
        "Node",
        found,
        (_text("", of_node(found)),),
        "uid, times, taints, addresses and capacity; of labels and annotations all but those that"
        f" tell the distribution{unread if found.ready is Ready.NOT_READY else ''}",
        _naming(snapshot, slug, name),
    )


def _apiserver(snapshot: Snapshot, name: str) -> ObjectPage | None:
    servers = snapshot.apiservers.value or ()
    found = next((one for one in servers if one.name == name), None)
    if found is None:
        return None
    left_out = "every flag that says nothing of authorization, and all else of the pod"
    return _page("kube-apiserver", found, tuple(_flags(found)), left_out, iter(()))


_KINDS: dict[str, Callable[[Snapshot, str, str, str], ObjectPage | None]] = {
    "clusterroles": lambda snapshot, slug, name, _: _role(snapshot, slug, name, ""),
    "roles": lambda *asked: _role(*asked) if asked[-1] else None,
    "clusterrolebindings": lambda snapshot, slug, name, _: _binding(snapshot, slug, name, ""),
    "rolebindings": lambda *asked: _binding(*asked) if asked[-1] else None,
    "nodes": lambda snapshot, slug, name, _: _node(snapshot, slug, name),
    "apiservers": lambda snapshot, _slug, name, _: _apiserver(snapshot, name),
}


def _page(
    kind: str,
    found: Role | Binding | Node | ApiServer,
    texts: tuple[Text, ...],
    left_out: str,
    references: Iterator[Reference],
) -> ObjectPage:
    every = list(references)
    return ObjectPage(
        kind=kind,
        name=found.name,
        namespace=found.namespace if isinstance(found, Role | Binding) else "",
        texts=texts,
        left_out=left_out,
        references=tuple(every[:MOST_REFERENCES]),
        references_left_out=max(0, len(every) - MOST_REFERENCES),
    )


def _named(every: tuple[_Named, ...] | None, name: str, namespace: str) -> _Named | None:
    found = (one for one in every or () if (one.name, one.namespace) == (name, namespace))
    return next(found, None)


def _text(title: str, manifest: Manifest) -> Text:
    text = to_yaml(manifest)
    if len(text) <= MOST_LETTERS:
        return Text(title, text, is_cut=False)
    return Text(title, text[:MOST_LETTERS].rpartition("\n")[0], is_cut=True)


def _flags(server: ApiServer) -> Iterator[Text]:
    if server.flags is not None:
        yield _text(server.evidence, of_flags(server.flags))
    for other in server.other_sources:
        yield _text(other.evidence, of_flags(other.flags))
    if server.authorizers is not None:
        title = "the file that --authorization-config names"
        yield _text(title, of_authorizers(server.authorizers))


def _bindings(snapshot: Snapshot) -> Iterator[Binding]:
    yield from snapshot.cluster_role_bindings.value or ()
    yield from snapshot.role_bindings.value or ()


def _bound_to(snapshot: Snapshot, slug: str, kind: str, role: Role) -> Iterator[Reference]:
    for binding in _bindings(snapshot):
        ref = binding.role_ref
        is_here = kind == "ClusterRole" or binding.namespace == role.namespace
        if (ref.kind, ref.name) == (kind, role.name) and is_here:
            yield _reference("Bound by", binding, slug)


def _around(snapshot: Snapshot, slug: str, found: Binding) -> Iterator[Reference]:
    """The role of a binding, the nodes that it names, and the other bindings of that role."""
    yield Reference("Refers to", describe_role(found), role_url(slug, found))
    for subject in found.subjects:
        node = named_node(subject)
        if node is not None:
            yield Reference("Names the kubelet of", node, object_url(slug, "nodes", node))
    yield Reference(
        "What it grants kubelets", "on the grants page", grants_url(slug, search=found.name)
    )
    for binding in _bindings(snapshot):
        is_same = binding.role_ref == found.role_ref and binding is not found
        is_here = found.role_ref.kind == "ClusterRole" or binding.namespace == found.namespace
        if is_same and is_here:
            yield _reference("Binds the same role", binding, slug)


def _naming(snapshot: Snapshot, slug: str, node: str) -> Iterator[Reference]:
    user = NODE_USER_PREFIX + node
    for binding in _bindings(snapshot):
        if any(one.kind == "User" and one.name == user for one in binding.subjects):
            yield _reference("Named by", binding, slug)


def _reference(how: str, binding: Binding, slug: str) -> Reference:
    subjects = [describe_subject(subject) for subject in binding.subjects[:MOST_SUBJECTS]]
    more = len(binding.subjects) - len(subjects)
    words = listed([*subjects, *([f"{more} more"] if more else [])]) or "nobody"
    return Reference(how, describe_binding(binding), binding_url(slug, binding), f"to {words}")
