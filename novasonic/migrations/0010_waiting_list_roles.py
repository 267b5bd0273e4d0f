"""Let the staff view the waiting list, and reception and supervisors change it."""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions


class Migration(migrations.Migration):
    """Permissions on the waiting list."""

    dependencies = [
        ("novasonic", "0009_phone_roles"),
        ("appointments", "0005_waiting_list"),
    ]

    operations = [
        add_permissions(
            "appointments",
            "waitingentry",
            "waitingentry",
            {
                "viewer": ("view",),
                "reception": ("view", "add", "change", "delete"),
                "supervisor": ("view", "add", "change", "delete"),
            },
        )
    ]
