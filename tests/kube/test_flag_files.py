"""Files that will start an apiserver: what each says, what its tool adds, what is no such file."""

from __future__ import annotations

import pytest

from authzviz.engine.model import Flag
from authzviz.kube.flag_files import FlagFileError, read_flag_file

MODE, PLUGINS = "authorization-mode", "enable-admission-plugins"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver}
spec:
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.30.2
    command:
    - kube-apiserver
    - --authorization-mode=Node,RBAC
    - --enable-admission-plugins=NodeRestriction
"""
UNIT = """\
# made by hand
[Unit]
Description=kube-apiserver
[Service]
Environment=MODES=Node,RBAC "EXTRA=--enable-admission-plugins=NodeRestriction --v=2"
Environment=ADDRESS=10.0.0.1
ExecStart=
ExecStart=-/usr/local/bin/kube-apiserver \\
  --advertise-address=${ADDRESS} \\
  # a comment between
  --authorization-mode=${MODES} \\
  $EXTRA
Restart=always
[Install]
WantedBy=multi-user.target
"""
KUBEADM3 = """\
apiVersion: kubeadm.k8s.io/v1beta3
kind: InitConfiguration
---
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
kubernetesVersion: v1.28.3
apiServer:
  extraArgs:
    authorization-mode: RBAC
    audit-log-path: /var/log/audit.log
"""
KUBEADM4 = """\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: stable-1.31
apiServer:
  extraArgs:
  - {name: enable-admission-plugins, value: PodSecurity}
"""
CHAIN = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- type: Webhook
  name: policy.example
  webhook:
    timeout: 3s
    subjectAccessReviewVersion: v1
    matchConditionSubjectAccessReviewVersion: v1
    failurePolicy: NoOpinion
    connectionInfo: {type: KubeConfigFile, kubeConfigFile: /etc/hook}
    matchConditions:
    - expression: has(request.resourceAttributes)
- {type: Node, name: node}
- {type: RBAC, name: rbac}
"""
NODE_RBAC = ((MODE, "Node,RBAC"), (PLUGINS, "NodeRestriction"))

FILES = {
    "static pod": (POD, NODE_RBAC, "v1.30.2"),
    "kubeadm's static pod with args of its own": (
        POD.replace("command:\n    - kube-apiserver", "args:"), NODE_RBAC, "v1.30.2",
    ),
    "pod of another name by its image": (
        POD.replace("- name: kube-apiserver", "- name: main"), NODE_RBAC, "v1.30.2",
    ),
    "unit with continuation lines and Environment=": (UNIT, NODE_RBAC, ""),
    "unit of k3s": (
        "[Service]\nExecStart=/usr/bin/k3s server --kube-apiserver-arg=authorization-mode=RBAC\n",
        ((MODE, "RBAC"), (PLUGINS, "NodeRestriction")), "",
    ),
    "kubeadm v1beta3": (
        KUBEADM3, ((PLUGINS, "NodeRestriction"), (MODE, "RBAC")), "v1.28.3",
    ),
    "kubeadm v1beta4, plugins replace the default": (
        KUBEADM4, ((MODE, "Node,RBAC"), (PLUGINS, "PodSecurity")), "v1.31.0",
    ),
    "kubeadm without extraArgs": (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n", NODE_RBAC, "",
    ),
    "kubeadm with an authorization configuration": (
        ("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer:\n"
        "  extraArgs: [{name: authorization-config, value: /a.yaml}]\n"),
        ((PLUGINS, "NodeRestriction"), ("authorization-config", "/a.yaml")), "",
    ),
    "old kubeadm keeps the mode beside it": (
        ("apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n"
        "kubernetesVersion: v1.28.0\napiServer:\n  extraArgs: {authorization-config: /a}\n"),
        (*NODE_RBAC, ("authorization-config", "/a")), "v1.28.0",
    ),
    "ConfigMap kubeadm-config": (
        ("apiVersion: v1\nkind: ConfigMap\ndata:\n  ClusterConfiguration: |\n"
        "    apiVersion: kubeadm.k8s.io/v1beta3\n    kind: ClusterConfiguration\n"),
        NODE_RBAC, "",
    ),
    "k3s, nothing overridden": ("tls-san: [a.example]\ncluster-init: true\n", NODE_RBAC, ""),
    "k3s, a plain value replaces": (
        "kube-apiserver-arg:\n- enable-admission-plugins=PodSecurity\n- v=2\n",
        ((MODE, "Node,RBAC"), (PLUGINS, "PodSecurity")), "",
    ),
    "k3s, + appends": (
        "kube-apiserver-arg: enable-admission-plugins+=PodSecurity\n",
        (*NODE_RBAC, (PLUGINS, "PodSecurity")), "",
    ),
    "k3s, - prepends": (
        "kube-apiserver-arg+: [authorization-mode-=Webhook]\n",
        ((MODE, "Webhook"), *NODE_RBAC), "",
    ),
    "k3s, an authorization configuration drops the mode": (
        "kube-apiserver-arg: [authorization-config=/a.yaml, anonymous-auth]\n",
        ((PLUGINS, "NodeRestriction"), ("authorization-config", "/a.yaml"),
         ("anonymous-auth", "true")), "",
    ),
    "RKE2, plugins add up": (
        "cni: calico\nkube-apiserver-arg: [enable-admission-plugins=PodSecurity]\n",
        (*NODE_RBAC, (PLUGINS, "PodSecurity")), "",
    ),
    "flags, one a line": (
        '# MicroK8s\n--authorization-mode=RBAC,Node\n--etcd-servers="unix://${SNAP_DATA}/k"\n',
        ((MODE, "RBAC,Node"),), "",
    ),
    "a command line with a continuation": (
        "/usr/bin/kube-apiserver --etcd-servers=x \\\n  --authorization-mode RBAC\n",
        ((MODE, "RBAC"),), "",
    ),
    "an environment file": (
        'KUBE_ETCD="--etcd-servers=x"\nKUBE_API_ARGS="--authorization-mode=RBAC --v=2"\n',
        ((MODE, "RBAC"),), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "version"), FILES.values(), ids=FILES)
def test_reads_the_flags_with_what_the_tool_adds(
    text: str, expected: tuple[tuple[str, str], ...], version: str
) -> None:
    found = read_flag_file("f", text.encode())

    assert found.server.flags == tuple(Flag(*pair) for pair in expected)
    assert found.version == version


def test_what_a_tool_adds_is_said() -> None:
    said = read_flag_file("f", KUBEADM3.encode()).assumed

    assert said == ("kubeadm adds --enable-admission-plugins=NodeRestriction by itself",)
    assert read_flag_file("f", POD.encode()).assumed == ()
    (whole,) = read_flag_file("rke2.yaml", b"token: x").assumed
    assert whole.startswith("rke2 adds --authorization-mode=Node,RBAC --enable-admission-plugins")


def test_reads_the_chain_of_an_authorization_configuration_in_order() -> None:
    found = read_flag_file("f", CHAIN.encode())

    chain = [(a.type, a.name, a.failure_policy, a.match_conditions)
             for a in found.server.authorizers or ()]  # fmt: skip
    assert chain == [
        ("Webhook", "policy.example", "NoOpinion", 1),
        ("Node", "node", "", 0),
        ("RBAC", "rbac", "", 0),
    ]
    assert found.is_chain_only
    assert found.since == 32


HIDDEN = {
    "a variable set elsewhere": (
        ("[Service]\nEnvironmentFile=-/etc/kubernetes/apiserver\n"
        "ExecStart=/usr/bin/kube-apiserver $KUBE_API_ARGS --v=2\n"),
        "$KUBE_API_ARGS, set outside the unit (EnvironmentFile /etc/kubernetes/apiserver is not",
    ),
    "a variable within a flag": (
        "[Service]\nExecStart=/usr/bin/kube-apiserver --authorization-mode=${MODES}\n",
        "--authorization-mode is set from a variable",
    ),
    "no flags at all": (
        "[Service]\nExecStart=/usr/bin/kube-apiserver\n", "shows no flags",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "why"), HIDDEN.values(), ids=HIDDEN)
def test_flags_that_the_file_hides_are_unread_and_not_absent(text: str, why: str) -> None:
    server = read_flag_file("f", text.encode()).server

    assert server.flags is None
    assert why in server.why


REFUSED = {
    "empty": (" \n", "is empty"),
    "bytes": (b"\xff\xfe\x00", "is no text"),
    "a NUL": (b"--a\0", "is no text"),
    "larger than 1 MiB": (b"#" * ((1 << 20) + 1), "larger than 1 MiB"),
    "broken YAML": ("kind: [", "not YAML"),
    "YAML with aliases": ("a: &x 1\nb: *x\n", "anchors and aliases are not taken"),
    "a list": ("- a\n- b\n", "neither flags"),
    "nothing known": ("colour: blue\n", "neither kind nor flags"),
    "comments only": ("# nothing\n", "it holds nothing"),
    "a Deployment": ("apiVersion: apps/v1\nkind: Deployment\n", "it holds Deployment"),
    "another static pod": (POD.replace("kube-apiserver", "kube-scheduler"), "no container"),
    "another unit": (
        "[Service]\nExecStart=/usr/bin/kubelet --authorization-mode=Webhook\n", "starts kubelet",
    ),
    "a unit without a command": ("[Unit]\nAfter=network.target\n", "has no ExecStart="),
    "a unit with an open quote": ('[Service]\nExecStart=/bin/kube-apiserver "--a\n', "open quote"),
    "flags of a kubelet": ("--authorization-mode=Webhook\n--kubeconfig=/x\n", "something else"),
    "flags with an open quote": ('--authorization-mode="RBAC\n', "open quote"),
    "another group of ClusterConfiguration": (
        "apiVersion: x/v1\nkind: ClusterConfiguration\n", "apiVersion",
    ),
    "kubeadm's mergeMethod": (
        ("apiVersion: kubeadm.k8s.io/v1\nkind: ClusterConfiguration\napiServer:\n"
        "  extraArgs: [{name: v, value: '2', mergeMethod: append}]\n"), "mergeMethod",
    ),
    "another ConfigMap": ("kind: ConfigMap\ndata: {a: b}\n", "no ClusterConfiguration"),
    "chain: unknown version": (CHAIN.replace("io/v1\n", "io/v9\n"), "apiVersion: must be one of"),
    "chain: unknown field": (CHAIN.replace("timeout", "timeOut"), "timeOut: is no field"),
    "chain: unknown type": (CHAIN.replace("type: Node", "type: Nodes"), "type: must be one of"),
    "chain: wrong name": (CHAIN.replace("name: rbac", "name: mine"), "must be rbac for type RBAC"),
    "chain: given twice": (
        CHAIN + "- {type: RBAC, name: rbac}\n", "name rbac is given more than once",
    ),
    "chain: empty": (CHAIN.partition("authorizers")[0], "at least one authorizer"),
    "chain: no failure policy": (
        CHAIN.replace("    failurePolicy: NoOpinion\n", ""), "failurePolicy: is missing",
    ),
    "chain: unknown failure policy": (
        CHAIN.replace("NoOpinion", "Fail"), "must be NoOpinion or Deny",
    ),
    "chain: a webhook's name": (CHAIN.replace("policy.example", "Policy"), "DNS name"),
    "chain: a webhook's block elsewhere": (
        CHAIN.replace("{type: Node, name: node}", "{type: Node, name: node, webhook: {a: b}}"),
        "is not taken for type Node",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_says_why_a_file_is_none_of_a_kube_apiserver(content: str | bytes, why: str) -> None:
    raw = content if isinstance(content, bytes) else content.encode()

    with pytest.raises(FlagFileError, match=r".") as caught:
        read_flag_file("f", raw)

    assert why in str(caught.value)
