"""Let reception and supervisors view e-mails and send them again.

Viewers get none of it: an e-mail has the address of a patient.
"""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions


class Migration(migrations.Migration):
    """Permissions on e-mails."""

    dependencies = [
        ("novasonic", "0010_waiting_list_roles"),
        ("notifications", "0001_initial"),
    ]

    operations = [
        add_permissions(
            "notifications",
            "message",
            "e-mail",
            {"reception": ("view", "change"), "supervisor": ("view", "change")},
        )
    ]
