"""What the Node authorizer allows, written down a second time, request by request.

Each line is one resource with verbs, and from which version on they are answered how:
- any: whatever the object; own: the object named as the node;
- related: a named object, hanging on a relation; selected: with spec.nodeName=<the node> only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from authzviz.engine.assessment import Decision
from authzviz.engine.gates import Settings
from authzviz.engine.request import Request

NODE, OTHER, NAMESPACE = "n1", "n2", "kube-node-lease"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
MINORS = tuple(range(7, 38))
_GROUPS = {
    "authn": "authentication.k8s.io",
    "authz": "authorization.k8s.io",
    "certs": "certificates.k8s.io",
    "coord": "coordination.k8s.io",
    "csi": "csi.storage.k8s.io",
    "events": "events.k8s.io",
    "node": "node.k8s.io",
    "dra": "resource.k8s.io",
    "storage": "storage.k8s.io",
    "core": "",
}

TABLE = """
authn/tokenreviews                  create                   7- any
authz/subjectaccessreviews          create                   7- any
authz/localsubjectaccessreviews     create                   7- any
core/services                       get,list,watch           7- any
core/endpoints                      get                      7- any
core/nodes                          create,update,patch      7- any
core/nodes                          get,list,watch           7-31 any  32- own
core/nodes                          delete                   7-12 any
core/nodes/status                   update,patch             7- any
core/events                         create,update,patch      7- any
events/events                       create,update,patch      35- any
core/pods                           get                      7-31 any  32- related
core/pods                           list,watch               7-31 any  32- related,selected
core/pods                           create,delete            7- any
core/pods/status                    update                   7- any
core/pods/status                    patch                    11- any
core/pods/eviction                  create                   8- any
core/secrets                        get                      7- related
core/secrets                        list,watch               11- related
core/configmaps                     get                      7- related
core/configmaps                     list,watch               11- related
core/persistentvolumeclaims         get                      7- related
core/persistentvolumeclaims/status  update,patch             11- related
core/persistentvolumes              get                      7- related
core/serviceaccounts/token          create                   12- related
core/serviceaccounts                get                      34- related
certs/certificatesigningrequests    create,get,list,watch    7- any
certs/clustertrustbundles           get,list,watch           37- any
certs/podcertificaterequests        create                   37- any
certs/podcertificaterequests        get                      37- related
certs/podcertificaterequests        list,watch               37- selected
coord/leases                        create                   14- any
coord/leases                        get,update,patch,delete  14- own
storage/volumeattachments           get                      10- related
storage/csinodes                    create                   14- any
storage/csinodes                    get,update,patch,delete  14- own
storage/csidrivers                  get,list,watch           14- any
node/runtimeclasses                 get,list,watch           14- any
dra/resourceclaims                  get                      28- related
dra/resourceslices                  create                   30- any
dra/resourceslices                  get,update,patch,delete  30- related
dra/resourceslices                  list,watch               30-31 any  32- selected
dra/resourceslices                  deletecollection         31 any  32- selected
"""

# What differs from that where a flag sets a gate, in the versions where it does.
GATED: dict[str, str] = {
    "ExpandPersistentVolumes=true": """
core/persistentvolumeclaims/status  update,patch             9- related
""",
    "ExpandPersistentVolumes=false": """
core/persistentvolumeclaims/status  update,patch             24- related
""",
    "CSIPersistentVolume=true": """
storage/volumeattachments           get                      9 any  10- related
""",
    "CSIPersistentVolume=false": """
storage/volumeattachments           get                      13- related
""",
    "TokenRequest=true": """
core/serviceaccounts/token          create                   10- related
""",
    "NodeLease=true": """
coord/leases                        create                   12- any
coord/leases                        get,update,patch,delete  12- own
""",
    "RuntimeClass=true": """
node/runtimeclasses                 get,list,watch           12- any
""",
    "CSINodeInfo=true": """
csi/csinodeinfos                    create                   12-13 any
csi/csinodeinfos                    get,update,patch,delete  12-13 own
""",
    "CSIDriverRegistry=true": """
csi/csidrivers                      get,list,watch           12-13 any
""",
    "CSIDriverRegistry=false": """
storage/csidrivers                  get,list,watch           18- any
""",
    "CSINodeInfo=false": """
storage/csinodes                    create                   17- any
storage/csinodes                    get,update,patch,delete  17- own
""",
    "DynamicResourceAllocation=true": """
dra/resourceclaims                  get                      26-27 any  28- related
""",
    "DynamicResourceAllocation=false": "",
    "ClusterTrustBundle=true": """
certs/clustertrustbundles           get,list,watch           27- any
""",
    "KubeletServiceAccountTokenForCredentialProviders=true": """
core/serviceaccounts                get                      33- related
""",
    "KubeletServiceAccountTokenForCredentialProviders=false": """
core/serviceaccounts                get                      37- related
""",
    "PodCertificateRequest=true": """
certs/podcertificaterequests        create                   34- any
certs/podcertificaterequests        get                      34- related
certs/podcertificaterequests        list,watch               34- selected
""",
    "CSIVolumeHealth=true": """
storage/csinodes/status             get,update,patch         37- own
""",
    "AuthorizeNodeWithSelectors=true": """
core/nodes                          get,list,watch           7-30 any  31- own
core/pods                           get                      7-30 any  31- related
core/pods                           list,watch               7-30 any  31- related,selected
dra/resourceslices                  list,watch               30 any  31- selected
dra/resourceslices                  deletecollection         31- selected
""",
    "AuthorizeNodeWithSelectors=false": """
core/nodes                          get,list,watch           7-33 any  34- own
core/pods                           get                      7-33 any  34- related
core/pods                           list,watch               7-33 any  34- related,selected
dra/resourceslices                  list,watch               30-33 any  34- selected
dra/resourceslices                  deletecollection         31-33 any  34- selected
""",
}

Key = tuple[str, str, str]
"""Group, resource with subresource, verb."""
_NAMESPACED = frozenset(("core/secrets", "core/configmaps", "core/serviceaccounts"))


@dataclass(frozen=True, slots=True)
class Row:
    """How one verb on one resource is answered, by version."""

    key: Key
    by_minor: tuple[frozenset[str], ...]
    is_named_in_namespace: bool

    def expected(self, request: Request, minor: int) -> Decision:
        how = self.by_minor[minor - MINORS[0]]
        if self.key[1] == "leases" and request.namespace != NAMESPACE:
            return Decision.NO
        if "any" in how or ("own" in how and request.name == NODE):
            return Decision.ALLOW
        if "selected" in how and f"spec.nodeName={NODE}" in request.field_selector.split(","):
            return Decision.ALLOW
        is_placed = request.namespace or not self.is_named_in_namespace
        return (
            Decision.CONDITIONAL if "related" in how and request.name and is_placed else Decision.NO
        )


def rows(table: str) -> dict[Key, Row]:
    return {row.key: row for line in table.split("\n") if line for row in _rows(line)}


def settings_of(gate: str) -> Settings:
    name, _, value = gate.partition("=")
    return ((name, value == "true"),)


def all_keys() -> list[Key]:
    """Every verb on every resource that some row names, and on one that none does."""
    named = {key[:2] for table in (TABLE, *GATED.values()) for key in rows(table)}
    more = {("", "namespaces"), ("", "pods/exec"), ("", "secrets/status"), ("", "nodes/proxy")}
    return [(*pair, verb) for pair, verb in product(sorted(named | more), VERBS)]


def shapes(key: Key) -> Iterator[Request]:
    """Requests of that verb on own objects and others', named or not, selected or not."""
    group, full, verb = key
    resource, _, subresource = full.partition("/")
    places = ("", "team", NAMESPACE) if resource == "leases" else ("", "team")
    for place, name in product(places, ("", NODE, OTHER)):
        yield Request(verb, resource, group, subresource, place, name)
    for selector in (
        f"spec.nodeName={NODE}",
        f"status.phase=Running,spec.nodeName={NODE}",
        f"spec.nodeName={OTHER}",
        f"spec.nodeName!={NODE}",
        f"metadata.name={NODE}",
    ):
        yield Request(verb, resource, group, subresource, "", "", selector)


def _rows(line: str) -> Iterator[Row]:
    what, verbs, *spans = line.split()
    alias, _, full = what.partition("/")
    by_minor = [frozenset[str]()] * len(MINORS)
    for span, how in zip(spans[::2], spans[1::2], strict=True):
        first, dash, last = span.partition("-")
        end = int(last or MINORS[-1]) if dash else int(first)
        for minor in range(int(first), end + 1):
            by_minor[minor - MINORS[0]] = frozenset(how.split(","))
    for verb in verbs.split(","):
        yield Row((_GROUPS[alias], full, verb), tuple(by_minor), what in _NAMESPACED)


DEFAULT = rows(TABLE)
NOTHING = Row(("", "", ""), (frozenset[str](),) * len(MINORS), is_named_in_namespace=False)
