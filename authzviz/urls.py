"""Every address of the server."""

from allauth.account import views as account
from django.urls import path
from django.views.generic import RedirectView

from authzviz.celery import app as celery_app
from dashboard.views import (
    activity,
    adding,
    audit_log,
    bulk,
    certificates,
    comparing,
    entrance,
    explain,
    fleet,
    health,
    history,
    managing,
    people,
    plans,
    reader,
    risks,
    trackers,
    undoing,
    whatif,
)
from dashboard.views import cluster as cluster_page
from dashboard.views import help as help_page

__all__ = [
    "celery_app",
    "handler403",
    "handler404",
    "urlpatterns",
]  # the web server sends its tasks through this app

urlpatterns = [
    path("", fleet.fleet, name="fleet"),
    path("fleet.csv", fleet.fleet_csv, name="fleet_csv"),
    path("views/", fleet.save_view, name="view_save"),
    path("views/<int:pk>/remove/", fleet.remove_view, name="view_remove"),
    path("clusters/add/", adding.add, name="cluster_add"),
    path("clusters/add/local/", adding.add_local, name="add_local"),
    path("clusters/add/bundle/", adding.add_bundle, name="add_bundle"),
    path("clusters/add/own/", adding.add_own, name="add_own"),
    path("clusters/add/<uuid:uuid>/", adding.choose, name="cluster_choose"),
    path("clusters/add/<uuid:uuid>/test/", adding.test, name="cluster_test"),
    path("clusters/remove-samples/", managing.remove_samples, name="remove_samples"),
    path("clusters/act/", bulk.act, name="fleet_act"),
    path("clusters/compare/", comparing.compare, name="compare"),
    path("clusters/<slug:slug>/", cluster_page.cluster, name="cluster"),
    path("clusters/<slug:slug>/grants/", cluster_page.grants, name="cluster_grants"),
    path("clusters/<slug:slug>/nodes/", cluster_page.nodes, name="cluster_nodes"),
    path("clusters/<slug:slug>/evidence/", cluster_page.evidence, name="cluster_evidence"),
    path(
        "clusters/<slug:slug>/objects/<slug:kind>/<path:name>/",
        cluster_page.raw_object,
        name="cluster_object",
    ),
    path("clusters/<slug:slug>/bundle.json.gz", cluster_page.download, name="cluster_download"),
    path("clusters/<slug:slug>/history/", history.cluster_history, name="cluster_history"),
    path("clusters/<slug:slug>/what-if/", whatif.cluster_whatif, name="cluster_whatif"),
    path("clusters/<slug:slug>/plan/", plans.cluster_plan, name="cluster_plan"),
    path("clusters/<slug:slug>/plan/start/", plans.start, name="plan_start"),
    path("clusters/<slug:slug>/plan/leave/", plans.leave, name="plan_leave"),
    path("clusters/<slug:slug>/plan/renew/", plans.renew, name="plan_renew"),
    path("clusters/<slug:slug>/plan/tick/", plans.tick, name="plan_tick"),
    path(
        "clusters/<slug:slug>/plan/download/<str:format_>/",
        plans.download,
        name="plan_download",
    ),
    path("clusters/<slug:slug>/plan/watch/", plans.watch, name="plan_watch"),
    path("clusters/<slug:slug>/audit-log/", audit_log.audit_log, name="cluster_audit_log"),
    path(
        "clusters/<slug:slug>/audit-log/<int:pk>/remove/",
        audit_log.remove,
        name="audit_log_remove",
    ),
    path("clusters/<slug:slug>/settings/", managing.settings, name="cluster_settings"),
    path("clusters/<slug:slug>/pause/", managing.pause, name="cluster_pause"),
    path("clusters/<slug:slug>/credentials/", managing.credentials, name="cluster_credentials"),
    path("clusters/<slug:slug>/bundle/", managing.newer_bundle, name="cluster_bundle"),
    path("clusters/<slug:slug>/risks/", risks.accept, name="risk_accept"),
    path("clusters/<slug:slug>/risks/<int:pk>/withdraw/", risks.withdraw, name="risk_withdraw"),
    path("plans/", plans.fleet_plans, name="plans"),
    path("risks/", risks.risk_list, name="risks"),
    path("activity/", activity.acts, name="activity"),
    path("undo/<uuid:batch>/", undoing.undo, name="undo"),
    path("clusters/<slug:slug>/remove/", managing.remove, name="cluster_remove"),
    path("clusters/<slug:slug>/poll/", managing.poll, name="cluster_poll"),
    path("clusters/<slug:slug>/reader/", reader.cluster_reader, name="cluster_reader"),
    path("history/", history.fleet_history, name="history"),
    path("reader/", reader.reader, name="reader"),
    path("explain/", explain.explain, name="explain"),
    path("certificates/", certificates.check, name="certificates"),
    path("help/", help_page.help_, name="help"),
    path("trackers/", trackers.tracker_list, name="trackers"),
    path("trackers/add/<slug:kind>/", trackers.add, name="tracker_add"),
    path("trackers/<int:pk>/", trackers.tracker, name="tracker"),
    path("trackers/<int:pk>/test/", trackers.test, name="tracker_test"),
    path("trackers/<int:pk>/default/", trackers.make_default, name="tracker_default"),
    path("trackers/<int:pk>/pause/", trackers.pause, name="tracker_pause"),
    path("trackers/<int:pk>/remove/", trackers.remove, name="tracker_remove"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/invitations/<int:pk>/withdraw/", people.withdraw, name="withdraw_invitation"),
    path("people/<int:pk>/role/", people.set_role, name="person_role"),
    path("people/<int:pk>/active/", people.set_active, name="person_active"),
    path("profile/", people.profile, name="profile"),
    path("sign-in/<str:token>/", entrance.sign_in_link, name="sign_in_link"),
    path("invitations/<str:token>/", entrance.invitation, name="invitation"),
    # Of django-allauth, only the pages that we show.
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/password/", account.password_change, name="account_change_password"),
    path("account/password/set/", account.password_set, name="account_set_password"),
    # allauth's own pages link to these two, which don't exist here.
    path(
        "account/signup/", RedirectView.as_view(pattern_name="account_login"), name="account_signup"
    ),
    path("account/email/", RedirectView.as_view(pattern_name="profile"), name="account_email"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
handler403 = "dashboard.views.errors.forbidden"
handler404 = "dashboard.views.errors.not_found"
