"""Adding clusters: give a kubeconfig, test, choose."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms import ChooseForm, KubeconfigForm, NewBundleForm, OwnClusterForm, posted
from dashboard.models import Cluster, Source, User
from dashboard.services import access, bundles, clusters, local_kubeconfig, own_cluster, uploads
from dashboard.services.uploads import Choice, Selection, UploadError
from dashboard.tasks import send_poll


@sensitive_post_parameters("kubeconfig")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def add(request: HttpRequest) -> HttpResponse:
    """Ask for a kubeconfig; on to the choice of contexts where it can be used."""
    user = access.editor(request.user)
    form = KubeconfigForm(*posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(
                "cluster_choose", uuid=uploads.start(form.cleaned_data["text"], actor=user).pk
            )
        except UploadError as error:
            form.add_error(None, str(error))
    form.withhold()
    return _add_page(request, user, kubeconfig=form)


@require_POST
def add_bundle(request: HttpRequest) -> HttpResponse:
    """Add a cluster that was read elsewhere, out of its bundle."""
    user = access.editor(request.user)
    form = NewBundleForm(*posted(request))
    if form.is_valid():
        file = form.cleaned_data["bundle"]
        try:
            with bundles.reading(file.read()) as snapshot:
                name = form.cleaned_data["name"]
                added = bundles.add(
                    snapshot, source=Source.BUNDLE, actor=user, name=name, file=file.name or ""
                )
            return redirect(added)
        except bundles.BundleRefused as error:
            form.add_error("bundle", str(error))
    return _add_page(request, user, bundle=form)


@require_POST
def add_own(request: HttpRequest) -> HttpResponse:
    """Add the cluster that this server runs in."""
    user = access.editor(request.user)
    if not own_cluster.may_be_added_by(user):
        raise access.NotVisible("own cluster")
    form = OwnClusterForm(request.POST)
    if form.is_valid():
        try:
            return _added(request, [clusters.add_own(**form.cleaned_data, actor=user)])
        except clusters.ClusterError as error:
            messages.error(request, str(error))
            return redirect("cluster_add")
    return _add_page(request, user, own=form)


def _add_page(
    request: HttpRequest,
    user: User,
    *,
    kubeconfig: KubeconfigForm | None = None,
    bundle: NewBundleForm | None = None,
    own: OwnClusterForm | None = None,
) -> HttpResponse:
    """Every way to add clusters; a form that came back says what is wrong with it."""
    has_errors = any(form.errors for form in (kubeconfig, bundle, own) if form is not None)
    context = {
        "form": kubeconfig or KubeconfigForm(),
        "bundle_form": bundle or NewBundleForm(),
        "own_cluster": own_cluster.offer(user),
        "own_form": own or OwnClusterForm(),
        "local_choices": local_kubeconfig.choices(user),
        "local_problem": local_kubeconfig.problem(user),
    }
    return render(request, "cluster_add.html", context, status=422 if has_errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def choose(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show the contexts of an upload, and add those that are chosen."""
    user = access.editor(request.user)
    upload = uploads.of(user, uuid)
    choices = uploads.choices(upload)
    form = ChooseForm(posted(request)[0], names=_usable(choices))
    if request.method == "POST" and form.is_valid():
        try:
            return _added(request, uploads.add(upload, _selection(form), actor=user))
        except UploadError as error:
            form.add_error(None, str(error))
            choices = uploads.choices(upload)
    context = {"upload": upload, "choices": choices, "form": form}
    return render(request, "cluster_choose.html", context, status=422 if form.errors else 200)


@require_POST
def test(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Test the connection of the contexts named; htmx gets the row of the first of them."""
    user = access.editor(request.user)
    upload = uploads.of(user, uuid)
    names = request.POST.getlist("context")
    uploads.test(upload, names)
    if "HX-Request" not in request.headers:
        return redirect("cluster_choose", uuid=uuid)
    choice = next((c for c in uploads.choices(upload) if c.name in names), None)
    if choice is None:
        raise access.NotVisible("context")
    context = {"upload": upload, "choice": choice}
    return render(request, "cluster_choose.html#choice", context)


@require_POST
def add_local(request: HttpRequest) -> HttpResponse:
    """Add contexts of the local kubeconfig."""
    user = access.editor(request.user)
    if not local_kubeconfig.is_offered_to(user):
        raise access.NotVisible("local kubeconfig")
    form = ChooseForm(request.POST, names=_usable(local_kubeconfig.choices(user)))
    if not form.is_valid():
        messages.error(request, "Choose at least one context.")
        return redirect("fleet")
    try:
        return _added(request, local_kubeconfig.add(_selection(form), actor=user))
    except UploadError as error:
        messages.error(request, str(error))
        return redirect("fleet")


def _usable(choices: list[Choice]) -> list[str]:
    return [choice.name for choice in choices if not choice.problem]


def _selection(form: ChooseForm) -> Selection:
    return Selection(
        contexts=tuple(form.cleaned_data["contexts"]),
        interval_seconds=form.cleaned_data["interval_seconds"],
        even_if_unreachable=form.cleaned_data["even_if_unreachable"],
        group=form.cleaned_data["group"],
    )


def _added(request: HttpRequest, added: list[Cluster]) -> HttpResponse:
    for cluster in added:
        send_poll(cluster.pk)
    if len(added) == 1:
        return redirect(added[0])
    messages.success(request, f"{len(added)} clusters added; they are being read now.")
    return redirect("fleet")
