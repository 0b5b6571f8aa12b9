"""Credentials out of a command, for people who allowed that on their own command line."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from authzviz.kube.credentials import Credentials
from authzviz.kube.errors import CredentialsUnusable
from authzviz.kube.objects import UNDECODABLE
from authzviz.net.secret import Secret

if TYPE_CHECKING:
    from authzviz.kube.credentials import ExecPlugin


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""


class _ExecCredential(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    api_version: str
    status: _Status | None = None


def signed_in(credentials: Credentials, *, seconds: float) -> Credentials:
    """The credentials with what their plugin printed in its place; runs it without a shell.

    Raises CredentialsUnusable that names the command. Its own messages go to the terminal.
    Source: kubernetes client-go 0.37, plugin/pkg/client/auth/exec, and KEP 541.
    """
    plugin = credentials.exec_plugin
    if plugin is None:
        return credentials
    printed = _run(plugin, credentials, seconds)
    try:
        found = msgspec.json.decode(printed, type=_ExecCredential)
    except UNDECODABLE:
        raise CredentialsUnusable(f"{plugin.command} printed no ExecCredential") from None
    status = found.status
    if found.kind != "ExecCredential" or found.api_version != plugin.api_version:
        raise CredentialsUnusable(f"{plugin.command} printed no {plugin.api_version} credential")
    if status is None or not (status.token or status.client_certificate_data):
        raise CredentialsUnusable(f"{plugin.command} gave neither a token nor a certificate")
    return replace(
        credentials,
        exec_plugin=None,
        token=Secret(status.token) if status.token else credentials.token,
        client_certificate=_secret(status.client_certificate_data),
        client_key=_secret(status.client_key_data),
    )


def _secret(text: str) -> Secret | None:
    return Secret(text) if text else None


def _run(plugin: ExecPlugin, credentials: Credentials, seconds: float) -> bytes:
    environment = {
        **os.environ,
        **{name: value.reveal() for name, value in plugin.env},
        "KUBERNETES_EXEC_INFO": _exec_info(plugin, credentials),
    }
    try:
        done = subprocess.run(
            [plugin.command, *plugin.args],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CredentialsUnusable(f"{plugin.command} took longer than {seconds:.0f} s") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it can't be started"
        raise CredentialsUnusable(f"{plugin.command}: {why}") from None
    if done.returncode:
        raise CredentialsUnusable(f"{plugin.command} ended with status {done.returncode}")
    return done.stdout


def _exec_info(plugin: ExecPlugin, credentials: Credentials) -> str:
    spec: dict[str, object] = {"interactive": False}
    if plugin.provide_cluster_info:
        from base64 import b64encode

        cluster: dict[str, object] = {"server": credentials.server}
        if credentials.tls_server_name:
            cluster["tls-server-name"] = credentials.tls_server_name
        if credentials.insecure:
            cluster["insecure-skip-tls-verify"] = True
        if credentials.ca_data:
            encoded = b64encode(credentials.ca_data.reveal().encode()).decode()
            cluster["certificate-authority-data"] = encoded
        spec["cluster"] = cluster
    return json.dumps({"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec})
