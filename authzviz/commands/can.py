"""`authzviz can`: who allows a request, and why."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from authzviz.commands.common import FILE, load_bundle, wrong_usage


@click.command()
@click.option("--bundle", type=FILE, required=True, metavar="B", help="The bundle that is asked.")
@click.option(
    "--as",
    "user",
    default="",
    metavar="USER",
    help="Who asks; as for kubectl, system:authenticated is added.",
)
@click.option("--as-group", "group", multiple=True, metavar="G", help="May be repeated.")
@click.option("-n", "--namespace", default="", metavar="NS")
@click.option("--subresource", default="", metavar="S", help="Such as status or log.")
@click.option(
    "--requests",
    type=FILE,
    metavar="FILE",
    help="JSON lines; groups are as given, none is added.",
)
@click.argument("verb", default="", metavar="VERB")
@click.argument("target", default="", metavar="RESOURCE[.GROUP][/NAME]|/PATH")
def can(
    bundle: Path,
    user: str,
    group: tuple[str, ...],
    namespace: str,
    subresource: str,
    requests: Path | None,
    verb: str,
    target: str,
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
            asked = iter([(impersonated(user, group), request)])
        for identity, request in asked:
            sys.stdout.write(f"{can_json(authorization.decide(identity, request))}\n")
    except AccessRequestError as error:
        raise wrong_usage(str(error)) from None
