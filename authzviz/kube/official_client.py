"""The official client's connection, without the rest of its package.

`import kubernetes` also runs the kubeconfig loader, watches, streams and leader election, with
requests, pydantic and oauthlib: three times the CPU and 17 MB more than the three modules that
hold the connection. So the package is put in place without being run while these are imported,
and taken out again: who imports it afterwards gets all of it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec
from typing import Any

_PACKAGE = "kubernetes"


def _connection_modules() -> tuple[Any, Any, Any]:
    from kubernetes.client import configuration, exceptions, rest

    return configuration.Configuration, exceptions.ApiException, rest.RESTClientObject


def _without_the_package() -> tuple[Any, Any, Any]:
    spec = find_spec(_PACKAGE)
    if spec is None or _PACKAGE in sys.modules:
        return _connection_modules()
    sys.modules[_PACKAGE] = module_from_spec(spec)
    try:
        return _connection_modules()
    finally:
        del sys.modules[_PACKAGE]


Configuration, ApiException, RESTClientObject = _without_the_package()
