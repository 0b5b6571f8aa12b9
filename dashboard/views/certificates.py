"""Checking a kubelet's certificate: who that is to an apiserver, and what is wrong with it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from authzviz.evidence.certificate import PRINT_IT
from dashboard.forms import posted
from dashboard.pasting import CertificateForm
from dashboard.services import access, certificates
from dashboard.services.certificates import CertificateError
from dashboard.shown.certificate import certificate_page


@sensitive_post_parameters("certificate")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def check(request: HttpRequest) -> HttpResponse:
    """Ask for a certificate, and say what is to be said of it. Nothing of it is kept or logged."""
    user = access.person(request.user)
    form = CertificateForm(
        *posted(request), clusters=certificates.choices(user), chosen=request.GET.get("cluster")
    )
    page, refusal = None, ""
    if request.method == "POST" and form.is_valid():
        try:
            answer = certificates.check(
                user, form.cleaned_data["given"], form.cleaned_data["cluster"]
            )
            page = certificate_page(answer)
        except CertificateError as error:
            refusal = str(error)
    form.withhold()
    context = {"form": form, "page": page, "refusal": refusal, "command": PRINT_IT}
    status = 422 if form.errors or refusal else 200
    return render(request, "certificates.html", context, status=status)
