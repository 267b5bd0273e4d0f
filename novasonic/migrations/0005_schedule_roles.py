"""Let everybody on the staff view the schedules, and supervisors change them."""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions

VERBS = {
    "viewer": ("view",),
    "reception": ("view",),
    "supervisor": ("view", "add", "change", "delete"),
}


class Migration(migrations.Migration):
    """Permissions on professionals and special days."""

    dependencies = [
        ("novasonic", "0004_follow_up_roles"),
        ("appointments", "0002_schedules"),
    ]

    operations = [
        add_permissions("appointments", model, model, VERBS)
        for model in ("professional", "specialday")
    ]
