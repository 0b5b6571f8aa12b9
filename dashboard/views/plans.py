"""The plan of a cluster: looked at, started, ticked and left; and those of the whole fleet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard import asked
from dashboard.models import Cluster, User
from dashboard.services import access, audit, pages, plan_acts, plan_ticks, undoing, watching
from dashboard.services.plan_downloads import plan_file
from dashboard.services.plan_history import past_plans
from dashboard.services.plan_list import Wanted, listed
from dashboard.services.plan_rows import PlanError
from dashboard.services.plans import plan_now
from dashboard.shown.cluster_head import cluster_head
from dashboard.shown.links import plan_url, step_anchor
from dashboard.shown.plan import plan_page
from dashboard.shown.plan_watch import watch_panel
from dashboard.shown.plans import STAGES, plans_page
from dashboard.tasks import send_watch
from dashboard.views.parts import is_for_part


@require_GET
def cluster_plan(request: HttpRequest, slug: str) -> HttpResponse:
    """The Plan tab: the plan that runs and how its steps stand, or the one of today's facts."""
    row = pages.row_of(access.visible_to(request.user, slug))
    now, page = plan_now(row), None
    if now is not None:
        page = plan_page(row, now, past_plans(row.cluster), watching.watch_of(row.cluster))
    return render(request, "cluster_plan.html", {"head": cluster_head(row), "page": page})


@require_POST
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Start the plan of today's facts."""
    cluster = access.editable_by(request.user, slug)

    def act(actor: User) -> str:
        plan_acts.start(cluster, actor=actor)
        return "The plan is started: each read of the cluster moves its steps from now on."

    return _acted(request, cluster, act)


@require_POST
def leave(request: HttpRequest, slug: str) -> HttpResponse:
    """End the plan that runs; nothing is undone on the cluster."""
    cluster = access.editable_by(request.user, slug)

    def act(actor: User) -> str:
        plan_acts.leave(cluster, actor=actor)
        return "The plan is left. What was done on the cluster stays as it is."

    return _acted(request, cluster, act)


@require_POST
def renew(request: HttpRequest, slug: str) -> HttpResponse:
    """Replace the plan that runs by one of today's facts."""
    cluster = access.editable_by(request.user, slug)

    def act(actor: User) -> str:
        plan_acts.renew(cluster, actor=actor)
        return "A new plan runs, made of what was read last."

    return _acted(request, cluster, act)


@require_POST
def tick(request: HttpRequest, slug: str) -> HttpResponse:
    """Say that the step of that name is done, or take that back, and back to the step."""
    cluster = access.editable_by(request.user, slug)
    step = _step_of(cluster, request.POST.get("step", ""))
    is_done = request.POST.get("done") == "true"

    def act(actor: User) -> str:
        if not is_done:
            taken = plan_ticks.take_back(cluster, step, actor=actor)
            return "Taken back." if taken else "Somebody was first: it is taken back already."
        ticked = plan_ticks.tick(cluster, step, request.POST.get("note", ""), actor=actor)
        by = ticked.tick.by_name
        return "Ticked." if ticked.is_new else f"{by} was first, and ticked it already."

    return _acted(request, cluster, act, step_anchor(step))


@require_http_methods(["GET", "HEAD", "POST"])
def watch(request: HttpRequest, slug: str) -> HttpResponse:
    """How the nodes' Leases are while a step is done: a part of the page, asked for every two
    seconds. Posted to, it begins anew for `step`, or ends with `stop`.
    """
    if request.method != "POST":
        cluster = access.visible_to(request.user, slug)
        last = watching.watch_of(cluster)
        if last is None or not is_for_part(request):
            return redirect(plan_url(slug, step_anchor(last.step) if last else ""))
        context = {"watch": watch_panel(last, slug), "slug": slug}
        return render(request, "plan/watch.html", context)
    cluster = access.editable_by(request.user, slug)
    step = _step_of(cluster, request.POST.get("step", ""))
    is_to_stop = "stop" in request.POST

    def act(actor: User) -> str:
        if is_to_stop:
            is_ended = watching.stop(cluster, actor=actor)
            return "The watch is ended." if is_ended else "It had ended already."
        send_watch(watching.start(cluster, step, actor=actor).pk)
        return "The nodes are watched from now on: do the step."

    return _acted(request, cluster, act, step_anchor(step))


def _acted(
    request: HttpRequest, cluster: Cluster, act: Callable[[User], str], anchor: str = ""
) -> HttpResponse:
    """Do it, say what came of it or why nothing did, and go back to the plan."""
    try:
        with audit.together() as batch:
            words = act(access.editor(request.user))
    except PlanError as error:
        messages.error(request, f"Nothing was changed: {error}.")
        return redirect(plan_url(cluster.slug))  # where that is read
    messages.success(request, words, extra_tags=undoing.offer(batch))
    return redirect(plan_url(cluster.slug, anchor))


def _step_of(cluster: Cluster, given: str) -> str:
    """The id of the step that is named by its anchor; what else is given is taken for an id."""
    row = pages.row_of(cluster)
    now = plan_now(row)
    steps = now.plan.steps if now else ()
    return next((step.id for step in steps if step_anchor(step.id) == given), given)


@require_GET
def download(request: HttpRequest, slug: str, format_: str) -> HttpResponse:
    """The plan as a file: plain text, whatever names it holds."""
    row = pages.row_of(access.visible_to(request.user, slug))
    text, name = plan_file(row, format_)
    return HttpResponse(
        text.encode(),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_GET
def fleet_plans(request: HttpRequest) -> HttpResponse:
    """How far each cluster of the fleet is; one page of those that the address asks for."""
    query = request.GET
    want = Wanted(asked.text(query, "search"), query.get("stage", ""), asked.number(query, "page"))
    want = replace(want, stage=want.stage if want.stage in STAGES else "")
    page = plans_page(listed(access.person(request.user), want), want)
    return render(request, "plans.html", {"page": page})
