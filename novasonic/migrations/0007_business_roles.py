"""Let supervisors view and change what the assistant knows about the business, and reception view it."""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions


class Migration(migrations.Migration):
    """Permissions on the profile of the business."""

    dependencies = [
        ("novasonic", "0006_product_roles"),
        ("business", "0001_initial"),
    ]

    operations = [
        add_permissions(
            "business",
            "profile",
            "what the assistant knows",
            {"reception": ("view",), "supervisor": ("view", "change")},
        )
    ]
