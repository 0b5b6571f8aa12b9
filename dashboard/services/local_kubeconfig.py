"""The kubeconfig of whoever started authzviz on their own machine, offered on the empty fleet page.

Only in local mode, and only to an admin: then the person at the browser is the one whose files
these are, and they are read as the command line reads them. Files are embedded on adding; a
context that needs an exec plugin is shown with the reason.
"""

from __future__ import annotations

from django.conf import settings

from authzviz.kube import kubeconfig
from authzviz.kube.kubeconfig import Context
from dashboard.models import Cluster, User
from dashboard.services import clusters, reading
from dashboard.services.uploads import (
    Choice,
    Selection,
    UploadError,
    choice_of,
    known_servers,
    problem_of,
)


def is_offered_to(user: User) -> bool:
    """True where the contexts of the local kubeconfig may be shown to `user`."""
    return settings.AUTHZVIZ_LOCAL and user.may_invite


def choices(user: User) -> list[Choice]:
    """The local contexts, good and bad; none where there is no kubeconfig or no right to see it."""
    known = known_servers()
    return [choice_of(context, None, known) for context in _contexts(user)]


def problem(user: User) -> str:
    """Why the local kubeconfig can't be read, "" where it can or isn't there."""
    try:
        _load(user)
    except kubeconfig.KubeconfigError as error:
        return str(error)
    return ""


def add(selection: Selection, *, actor: User) -> list[Cluster]:
    """Add the chosen local contexts; each is polled at once. Raises UploadError."""
    contexts = {context.name: context for context in _contexts(actor)}
    chosen = [contexts[name] for name in selection.contexts if name in contexts]
    if not chosen:
        raise UploadError("choose at least one context")
    added = []
    for context in chosen:
        if problem := problem_of(context):
            raise UploadError(f"{context.name}: {problem}")
        try:
            credentials = kubeconfig.embed(context)
            reading.check_server(credentials.server)
        except (kubeconfig.KubeconfigError, reading.ReadError) as error:
            raise UploadError(f"{context.name}: {error}") from error
        added.append((context.name, credentials))
    return [
        clusters.add(
            name=name,
            credentials=credentials,
            interval_seconds=selection.interval_seconds,
            group=selection.group,
            actor=actor,
        )
        for name, credentials in added
    ]


def _contexts(user: User) -> tuple[Context, ...]:
    try:
        return _load(user)
    except kubeconfig.KubeconfigError:
        return ()


def _load(user: User) -> tuple[Context, ...]:
    if not is_offered_to(user):
        return ()
    paths = kubeconfig.default_paths()
    if not any(path.exists() for path in paths):
        return ()
    # Allowed only so that such a context is shown with its server: no command is ever run here.
    return kubeconfig.load_files(paths, allow_exec=True)
