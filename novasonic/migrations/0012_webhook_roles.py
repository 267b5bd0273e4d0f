"""Let supervisors manage webhooks, look at their deliveries, and send events again."""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions


class Migration(migrations.Migration):
    """Permissions on webhooks."""

    dependencies = [
        ("novasonic", "0011_email_roles"),
        ("webhooks", "0001_initial"),
    ]

    operations = [
        add_permissions(
            "webhooks",
            "webhookendpoint",
            "webhook",
            {"supervisor": ("view", "add", "change", "delete")},
        ),
        add_permissions(
            "webhooks",
            "webhookdelivery",
            "delivery of a webhook",
            {"supervisor": ("view", "change")},
        ),
    ]
