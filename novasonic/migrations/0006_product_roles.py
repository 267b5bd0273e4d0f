"""Let all roles view the catalogue, and supervisors change it."""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions


class Migration(migrations.Migration):
    """Permissions on products."""

    dependencies = [
        ("novasonic", "0005_schedule_roles"),
        ("orders", "0002_product_order_needs_review"),
    ]

    operations = [
        add_permissions(
            "orders",
            "product",
            "product of the catalogue",
            {
                "viewer": ("view",),
                "reception": ("view",),
                "supervisor": ("view", "add", "change", "delete"),
            },
        )
    ]
