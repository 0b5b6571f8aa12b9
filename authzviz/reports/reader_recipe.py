"""The shell recipe that makes the reader's kubeconfig, with everything in it."""

from __future__ import annotations

from shlex import quote

from authzviz.reports.reader_role import Reader

FIRST_CREATE_TOKEN_MINOR = 24
"""`kubectl create token` is there, and ServiceAccounts no longer get a token Secret by themselves
(kubernetes CHANGELOG-1.24)."""
TOKEN_HOURS = 2160
CLUSTER = "my-cluster"

_CURRENT_SERVER = "$(kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}')"


def reader_recipe(reader: Reader, *, cluster: str = CLUSTER, server: str = "") -> str:
    """Commands for a POSIX shell; `kubectl` has to point at the cluster.

    `cluster` names cluster and context, and so what the fleet calls it; `server` is the one that
    the kubeconfig has, by default the one that `kubectl` uses. Everything is quoted.
    """
    file, name, user = quote(f"{reader.name}.kubeconfig"), quote(cluster), quote(reader.name)
    config = f"kubectl config --kubeconfig={file}"
    # A name may begin with a dash, so it comes after "--".
    return "\n".join(
        (
            "umask 077",
            f"SERVER={quote(server) if server else _CURRENT_SERVER}",
            *_secrets(reader),
            f'{config} set-cluster --server="$SERVER" \\',
            f"  --certificate-authority=ca.crt --embed-certs -- {name}",
            f'{config} set-credentials {user} --token="$TOKEN"',
            f"{config} set-context --cluster={name} --user={user} -- {name}",
            f"{config} use-context -- {name}",
            "unset TOKEN",
            "",
        )
    )


def _secrets(reader: Reader) -> tuple[str, ...]:
    """How the CA gets into ca.crt, and the token into $TOKEN."""
    user, where = quote(reader.name), f"-n {quote(reader.namespace)}"
    get_ca = "-o jsonpath='{.data.ca\\.crt}'"
    if reader.minor >= FIRST_CREATE_TOKEN_MINOR:
        return (
            f"kubectl get configmap kube-root-ca.crt {where} {get_ca} > ca.crt",
            f"# {TOKEN_HOURS // 24} days; an apiserver may grant less",
            f"TOKEN=$(kubectl create token {user} {where} --duration={TOKEN_HOURS}h)",
        )
    of_account = f"kubectl get serviceaccount {user} {where}"
    of_secret = f'kubectl get secret "$SECRET" {where}'
    return (
        f"SECRET=$({of_account} -o jsonpath='{{.secrets[0].name}}')",
        f"{of_secret} {get_ca} | base64 --decode > ca.crt",
        "# before Kubernetes 1.24: this token does not expire until its Secret is deleted",
        f"TOKEN=$({of_secret} -o jsonpath='{{.data.token}}' | base64 --decode)",
    )
