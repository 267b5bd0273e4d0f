"""Let all roles view the catalogue, and supervisors change it."""

from django.db import migrations

MODEL = "product"
ADDED = {
    "viewer": ("view",),
    "reception": ("view",),
    "supervisor": ("view", "add", "change", "delete"),
}


def add_permissions(apps, schema_editor):
    """Add the permissions to the roles, and create them, as Django does only after all migrations."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="orders", model=MODEL
    )
    permissions = apps.get_model("auth", "Permission").objects
    groups = apps.get_model("auth", "Group").objects
    for role, actions in ADDED.items():
        # A role that was deleted is not created again.
        for group in groups.filter(name=role):
            for action in actions:
                permission, _ = permissions.get_or_create(
                    content_type=content_type,
                    codename=f"{action}_{MODEL}",
                    defaults={"name": f"Can {action} product of the catalogue"},
                )
                group.permissions.add(permission)


class Migration(migrations.Migration):
    """Permissions on products."""

    dependencies = [
        ("novasonic", "0005_schedule_roles"),
        ("orders", "0002_product_order_needs_review"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
