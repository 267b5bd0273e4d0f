"""Let reception view, add and change follow-ups, and supervisors delete them, too.

Viewers get none of it: a follow-up contains a phone number and what somebody said.
"""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions


class Migration(migrations.Migration):
    """Permissions on follow-ups."""

    dependencies = [
        ("novasonic", "0003_failed_logins"),
        ("follow_ups", "0001_initial"),
    ]

    operations = [
        add_permissions(
            "follow_ups",
            "followup",
            "message",
            {
                "reception": ("view", "add", "change"),
                "supervisor": ("view", "add", "change", "delete"),
            },
        )
    ]
