"""A cluster's life after it was added: settings, credentials, polling, removal."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from authzviz.engine.phrases import counted
from dashboard.forms import ClusterForm, CredentialsForm, NewerBundleForm, posted
from dashboard.models import Cluster, User
from dashboard.services import access, audit, bundles, clusters, pages, samples, undoing, uploads
from dashboard.services.clusters import ClusterError
from dashboard.services.uploads import UploadError
from dashboard.shown.cluster_head import cluster_head
from dashboard.tasks import send_poll


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Name, group, labels and how it is read; and the ways to the cluster's other settings."""
    cluster = access.editable_by(request.user, slug)
    user = access.editor(request.user)
    form = ClusterForm(posted(request)[0], cluster=cluster, user=user)
    if request.method == "POST" and form.is_valid() and _save(request, form, cluster):
        return redirect("cluster_settings", slug=slug)
    return _settings_page(request, cluster, form, NewerBundleForm())


@require_POST
def newer_bundle(request: HttpRequest, slug: str) -> HttpResponse:
    """Show another bundle of the cluster; asks first where that is older or another server's."""
    cluster = access.editable_by(request.user, slug)
    user = access.editor(request.user)
    if not cluster.is_bundle:
        raise access.NotVisible(slug)
    form = NewerBundleForm(*posted(request))
    if form.is_valid():
        file, is_meant = form.cleaned_data["bundle"], form.cleaned_data["is_meant"]
        try:
            with bundles.reading(file.read()) as snapshot:
                bundles.replace(
                    cluster, snapshot, is_meant=is_meant, actor=user, file=file.name or ""
                )
            return redirect(cluster)
        except bundles.NeedsConfirmation as error:
            form.add_error("is_meant", f"{error} Choose the file again and tick this to show it.")
        except bundles.BundleRefused as error:
            form.add_error("bundle", str(error))
    return _settings_page(request, cluster, ClusterForm(cluster=cluster, user=user), form)


@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause the cluster where `is_paused` is "true", else resume it, and show how it is read."""
    cluster = access.editable_by(request.user, slug)
    is_paused = request.POST.get("is_paused") == "true"
    try:
        with audit.together() as batch:
            clusters.set_paused(cluster, is_paused=is_paused, actor=access.editor(request.user))
    except ClusterError as error:
        messages.error(request, str(error))
        return redirect(cluster)
    words = "Reading is paused." if is_paused else "The cluster is being read again."
    messages.success(request, words, extra_tags=undoing.offer(batch))
    if is_paused:
        return redirect("cluster_settings", slug=slug)
    send_poll(cluster.pk)
    return redirect(cluster)


@sensitive_post_parameters("kubeconfig")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def credentials(request: HttpRequest, slug: str) -> HttpResponse:
    """Replace the credentials, after a test; the old ones are never shown."""
    cluster = access.editable_by(request.user, slug)
    user = access.editor(request.user)
    form = CredentialsForm(*posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            _replace(cluster, form, user)
        except (UploadError, ClusterError) as error:
            form.add_error(None, str(error))
        else:
            send_poll(cluster.pk)
            messages.success(request, "The credentials are replaced; the cluster is being read.")
            return redirect(cluster)
    form.withhold()
    context = {"head": cluster_head(pages.row_of(cluster)), "cluster": cluster, "form": form}
    return render(request, "cluster_credentials.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether to remove the cluster, and do it."""
    cluster = access.editable_by(request.user, slug)
    if request.method != "POST":
        context = {"head": cluster_head(pages.row_of(cluster)), "cluster": cluster}
        return render(request, "cluster_remove.html", context)
    clusters.remove(cluster, actor=access.editor(request.user))
    gone = ", and its credentials are gone" if cluster.credentials is not None else ""
    messages.success(request, f"{cluster.name} is removed{gone}.")
    return redirect("fleet")


@require_POST
def poll(request: HttpRequest, slug: str) -> HttpResponse:
    """Read the cluster now, and back to its page; htmx gets the page's part that shows progress."""
    cluster = access.editable_by(request.user, slug)
    try:
        clusters.poll_now(cluster, actor=access.editor(request.user))
    except ClusterError as error:
        messages.error(request, str(error))
        return redirect(cluster)
    send_poll(cluster.pk)
    return redirect(cluster)


@require_POST
def remove_samples(request: HttpRequest) -> HttpResponse:
    """Remove every recorded cluster."""
    number = samples.remove_all(actor=access.editor(request.user))
    messages.success(request, f"{counted(number, 'recorded cluster')} removed.")
    return redirect("fleet")


def _save(request: HttpRequest, form: ClusterForm, cluster: Cluster) -> bool:
    """Save what changed, as one act; False, with the reason in the form, where it can't be."""
    with audit.together() as batch:
        is_saved = _saved(form, cluster, access.editor(request.user))
    if is_saved:
        messages.success(request, "Saved.", extra_tags=undoing.offer(batch))
    return is_saved


def _saved(form: ClusterForm, cluster: Cluster, user: User) -> bool:
    try:
        clusters.rename(cluster, form.cleaned_data["name"], actor=user)
    except ClusterError as error:
        form.add_error("name", str(error))
        return False
    clusters.set_group(cluster, form.cleaned_data["group"], actor=user)
    clusters.set_labels(cluster, form.cleaned_data["labels"], actor=user)
    if not cluster.is_recorded:
        given = form.cleaned_data
        clusters.set_interval(cluster, given["interval_seconds"], actor=user)
        clusters.set_apiserver_urls(cluster, given["apiserver_urls"], actor=user)
        clusters.set_probes_node_restriction(
            cluster, is_on=given["probes_node_restriction"], actor=user
        )
    return True


def _settings_page(
    request: HttpRequest, cluster: Cluster, form: ClusterForm, bundle_form: NewerBundleForm
) -> HttpResponse:
    context = {
        "head": cluster_head(pages.row_of(cluster)),
        "cluster": cluster,
        "form": form,
        "bundle_form": bundle_form,
    }
    has_errors = form.errors or bundle_form.errors
    return render(request, "cluster_settings.html", context, status=422 if has_errors else 200)


def _replace(cluster: Cluster, form: CredentialsForm, user: User) -> None:
    """Replace the credentials by those in the form; raises UploadError or ClusterError."""
    given = uploads.single_credentials(form.cleaned_data["text"], cluster.server)
    answer = uploads.test_credentials(cluster.name, given)
    if not answer["is_answered"] and not (
        form.cleaned_data["even_if_unreachable"] and uploads.is_address_allowed(given)
    ):
        raise UploadError(f"Nothing was changed. {answer['message']}")
    clusters.replace_credentials(cluster, given, actor=user)
