"""The forms in which a kube-apiserver's flags are found, and those that hide them."""

from __future__ import annotations

import json

import pytest

from authzviz.kube.flags import (
    FlagsUnreadable,
    of_container,
    of_flagz_json,
    of_flagz_text,
    of_node_args,
)

MODE = "authorization-mode"
Found = list[tuple[str, str]]

READ: dict[str, tuple[list[str], list[str], Found]] = {
    "kubeadm": (
        ["kube-apiserver", "--authorization-mode=Node,RBAC", "--secure-port=6443"],
        [],
        [(MODE, "Node,RBAC")],
    ),
    "B33 two arguments": (["kube-apiserver", "--authorization-mode", "RBAC"], [], [(MODE, "RBAC")]),
    "B33 twice": (
        ["kube-apiserver", "--authorization-mode=Node", "--authorization-mode=RBAC"],
        [],
        [(MODE, "Node"), (MODE, "RBAC")],
    ),
    "B33 shell": (
        ["/bin/sh", "-c"],
        ["exec /usr/local/bin/kube-apiserver --authorization-mode='Node,RBAC' 2>&1 | tee x"],
        [(MODE, "Node,RBAC")],
    ),
    "kops before go-runner": (
        [
            "/bin/sh",
            "-c",
            (
                "mkfifo /tmp/pipe; (tee -a /var/log/kube-apiserver.log < /tmp/pipe & ) ; exec"
                " /usr/local/bin/kube-apiserver --anonymous-auth=false --authorization-mode=RBAC"
                " --v=2 > /tmp/pipe 2>&1"
            ),
        ],
        [],
        [("anonymous-auth", "false"), (MODE, "RBAC")],
    ),
    "kops with go-runner": (
        ["/go-runner"],
        [
            "--log-file=/var/log/kube-apiserver.log",
            "--also-stdout",
            "/usr/local/bin/kube-apiserver",
            "--authorization-mode=Node,RBAC",
        ],
        [(MODE, "Node,RBAC")],
    ),
    "RKE2, flags in args, plugins repeated": (
        ["kube-apiserver"],
        [
            "--admission-control-config-file=/etc/x",
            "--enable-admission-plugins=NodeRestriction",
            "--enable-admission-plugins=PodSecurity",
        ],
        [
            ("admission-control-config-file", "/etc/x"),
            ("enable-admission-plugins", "NodeRestriction"),
            ("enable-admission-plugins", "PodSecurity"),
        ],
    ),
    "hyperkube": (["/hyperkube", "apiserver", "--authorization-mode=RBAC"], [], [(MODE, "RBAC")]),
    "OpenShift": (
        ["/bin/bash", "-ec"],
        [
            (
                "if [ -f /x ]; then\n  cp /x /y\nfi\n"
                "exec watch-termination --log=/x -- hyperkube kube-apiserver"
                " --openshift-config=/etc/config.yaml --advertise-address=${HOST_IP} -v=2"
            )
        ],
        [("openshift-config", "/etc/config.yaml")],
    ),
    "underscores": (["kube-apiserver", "--authorization_mode=RBAC"], [], [(MODE, "RBAC")]),
    "quotes are kept": (
        ["kube-apiserver", '--authorization-mode="Node","RBAC"'],
        [],
        [(MODE, '"Node","RBAC"')],
    ),
    "a switch takes no value": (
        ["kube-apiserver", "--anonymous-auth", "--authorization-mode", "RBAC"],
        [],
        [("anonymous-auth", "true"), (MODE, "RBAC")],
    ),
    "a flag without its value": (["kube-apiserver", "--authorization-mode"], [], [(MODE, "")]),
    "after a lone --": (["kube-apiserver", "--", "--authorization-mode=RBAC"], [], []),
    "no flag of ours": (["kube-apiserver", "--etcd-servers=http://user:secret@x"], [], []),
    "args only": ([], ["--authorization-mode=RBAC"], [(MODE, "RBAC")]),
    "a variable in a flag that is not kept": (
        ["kube-apiserver", "--advertise-address=$(POD_IP)", "--authorization-mode=RBAC"],
        [],
        [(MODE, "RBAC")],
    ),
}
HIDDEN: dict[str, tuple[list[str], list[str], str]] = {
    "no command at all": ([], [], "shows no flags"),
    "no flag at all": (["kube-apiserver"], [], "shows no flags"),
    "a wrapper": (["/start.sh"], ["--authorization-mode=RBAC"], "started by start.sh"),
    "a shell script": (["/bin/sh", "/start.sh", "x"], [], "shell script, which hides"),
    "a shell without our program": (["sh", "-c", "exec /start.sh"], [], "names no kube-apiserver"),
    "a variable": (["kube-apiserver", "--authorization-mode=$(MODES)"], [], "set from a variable"),
    "a variable in a shell": (
        ["sh", "-c", "kube-apiserver --authorization-mode=$MODES"],
        [],
        "set from a variable",
    ),
    "flags in a variable": (
        ["sh", "-c", "kube-apiserver $FLAGS"],
        [],
        "adds flags from a variable",
    ),
    "an open quote": (["sh", "-c", "kube-apiserver '--x"], [], "can't be parsed"),
}


@pytest.mark.parametrize(("command", "args", "expected"), READ.values(), ids=READ)
def test_flags_are_found_in_the_order_given(
    command: list[str], args: list[str], expected: Found
) -> None:
    assert [(flag.name, flag.value) for flag in of_container(command, args)] == expected


@pytest.mark.parametrize(("command", "args", "why"), HIDDEN.values(), ids=HIDDEN)
def test_hidden_flags_are_not_guessed(command: list[str], args: list[str], why: str) -> None:
    with pytest.raises(FlagsUnreadable, match=why):
        of_container(command, args)


def test_flagz_gives_lists_without_brackets_and_leaves_out_what_is_unset() -> None:
    shown = {
        "authorization-mode": "[Node,RBAC]",
        "enable-admission-plugins": "[]",
        "anonymous-auth": "true",
        "etcd-servers": "[http://secret]",
    }

    found = [(flag.name, flag.value) for flag in of_flagz_json(shown)]

    assert found == [(MODE, "Node,RBAC"), ("anonymous-auth", "true")]


def test_b32_flagz_with_a_config_file_shows_the_file_and_no_mode() -> None:
    shown = {"authorization-mode": "[]", "authorization-config": "/etc/authz.yaml"}

    found = [(flag.name, flag.value) for flag in of_flagz_json(shown)]

    assert found == [("authorization-config", "/etc/authz.yaml")]


@pytest.mark.parametrize("separator", [":", ": ", "=", " "])
def test_text_flagz_is_read_whatever_its_separator(separator: str) -> None:
    text = (
        "\nkube-apiserver flags\nWarning: This endpoint is not meant to be machine parseable\n\n"
        f"authorization-mode{separator}[Node,RBAC]\nfeature-gates{separator}\n"
        f"enable-admission-plugins{separator}[NodeRestriction]\nv{separator}0\n"
    )

    found = [(flag.name, flag.value) for flag in of_flagz_text(text)]

    assert found == [(MODE, "Node,RBAC"), ("enable-admission-plugins", "NodeRestriction")]


@pytest.mark.parametrize("text", ["", "<html>login</html>", "anonymous-auth=true"])
def test_flagz_without_a_mode_is_not_taken_for_the_default(text: str) -> None:
    with pytest.raises(FlagsUnreadable, match="no authorization mode"):
        of_flagz_text(text)


NODE_ARGS = {
    "split in two": (
        ["server", "--kube-apiserver-arg", "authorization-mode=RBAC", "--token", "********"],
        ["server", "--kube-apiserver-arg", "authorization-mode=RBAC"],
    ),
    "the kubelet's is not the apiserver's": (
        ["server", "--kubelet-arg", "authorization-mode=Webhook"],
        ["server"],
    ),
    "appended": (
        ["server", "--kube-apiserver-arg", "enable-admission-plugins+=X"],
        ["server", "--kube-apiserver-arg", "enable-admission-plugins+=X"],
    ),
    "an agent": (["agent"], ["agent"]),
}


@pytest.mark.parametrize(("given", "kept"), NODE_ARGS.values(), ids=NODE_ARGS)
def test_node_args_keep_only_apiserver_flags(given: list[str], kept: list[str]) -> None:
    assert json.loads(of_node_args(json.dumps(given))) == kept


@pytest.mark.parametrize("text", ["", "x", "{}", "[1]", "[" * 100_000])
def test_node_args_that_are_none_give_nothing(text: str) -> None:
    assert of_node_args(text) == ""
