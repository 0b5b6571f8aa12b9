"""Taking back what someone did."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from authzviz.engine.phrases import counted
from dashboard.services import access, undoing
from dashboard.services.undoing import UndoError

_LEFT_SHOWN = 3


@require_POST
def undo(request: HttpRequest, batch: UUID) -> HttpResponse:
    """Undo the act, say what was not put back, and back to the page `next`."""
    try:
        undone = undoing.undo(batch, actor=access.editor(request.user))
    except UndoError as error:
        messages.error(request, str(error))
    else:
        tags = undoing.offer(undone.batch)
        if undone.left:
            messages.warning(request, _partly(undone), extra_tags=tags)
        else:
            messages.success(
                request, f"{counted(undone.number, 'change')} undone.", extra_tags=tags
            )
    return redirect(_back(request))


def _partly(undone: undoing.Undone) -> str:
    more = len(undone.left) - _LEFT_SHOWN
    left = [*undone.left[:_LEFT_SHOWN], *([f"{more} more"] if more > 0 else [])]
    return f"{counted(undone.number, 'change')} undone; left as it is: {'; '.join(left)}."


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    is_own = url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_own else "fleet"
