"""`authzviz can`: who allows a request, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from authzviz.commands.common import load_bundle, wrong_usage


def can(
    bundle: Annotated[Path, typer.Option(metavar="B", help="The bundle that is asked.")],
    verb: Annotated[str, typer.Argument(metavar="VERB", show_default=False)] = "",
    target: Annotated[
        str, typer.Argument(metavar="RESOURCE[.GROUP][/NAME]|/PATH", show_default=False)
    ] = "",
    user: Annotated[
        str,
        typer.Option(
            "--as", metavar="USER", help="Who asks; as for kubectl, system:authenticated is added."
        ),
    ] = "",
    group: Annotated[
        list[str] | None, typer.Option("--as-group", metavar="G", help="May be repeated.")
    ] = None,
    namespace: Annotated[str, typer.Option("-n", "--namespace", metavar="NS")] = "",
    subresource: Annotated[str, typer.Option(metavar="S", help="Such as status or log.")] = "",
    requests: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON lines; groups are as given, none is added."),
    ] = None,
) -> None:
    """Say who allows a request, and why, as the apiservers would: a line of JSON for each."""
    from authzviz.engine.authorize import authorization_of
    from authzviz.engine.identity import impersonated
    from authzviz.kube.access_request import AccessRequestError, from_file, from_words
    from authzviz.reports.can_json import can_json

    others = (user, verb, target, group, namespace, subresource)
    if any(others) if requests else not (user and verb and target):
        raise wrong_usage("give --as USER VERB RESOURCE, or --requests FILE and nothing else")
    authorization = authorization_of(load_bundle(bundle))
    try:
        if requests:
            asked = from_file(requests)
        else:
            request = from_words(verb, target, namespace=namespace, subresource=subresource)
            asked = iter([(impersonated(user, tuple(group or ())), request)])
        for identity, request in asked:
            sys.stdout.write(f"{can_json(authorization.decide(identity, request))}\n")
    except AccessRequestError as error:
        raise wrong_usage(str(error)) from None
