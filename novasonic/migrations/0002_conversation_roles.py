"""Let reception view conversations, and supervisors delete them and view the tool calls of all calls.

Viewers get neither: a conversation contains more personal data than an order or an appointment.
"""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions


class Migration(migrations.Migration):
    """Permissions on conversations and tool runs."""

    dependencies = [
        ("novasonic", "0001_roles"),
        ("conversations", "0001_initial"),
    ]

    operations = [
        add_permissions(
            "conversations",
            "conversation",
            "conversation",
            {"reception": ("view",), "supervisor": ("view", "delete")},
        ),
        add_permissions("conversations", "toolrun", "tool run", {"supervisor": ("view",)}),
    ]
