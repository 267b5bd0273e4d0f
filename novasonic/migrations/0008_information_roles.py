"""Let the staff view and edit the information about the business, and supervisors delete it, too."""

from django.db import migrations

from novasonic.migrations._permissions import add_permissions


class Migration(migrations.Migration):
    """Permissions on information entries."""

    dependencies = [
        ("novasonic", "0007_business_roles"),
        ("appointments", "0003_information"),
    ]

    operations = [
        add_permissions(
            "appointments",
            "informationentry",
            "informationentry",
            {
                "viewer": ("view",),
                "reception": ("view", "add", "change"),
                "supervisor": ("view", "add", "change", "delete"),
            },
        )
    ]
