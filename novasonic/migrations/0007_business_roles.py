"""Let supervisors view and change what the assistant knows about the business, and reception view it."""

from django.db import migrations

ADDED = {"reception": ("view",), "supervisor": ("view", "change")}


def add_permissions(apps, schema_editor):
    """Add the permissions to the roles, and create them, as Django does only after all migrations."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="business", model="profile"
    )
    permissions = apps.get_model("auth", "Permission").objects
    groups = apps.get_model("auth", "Group").objects
    for role, actions in ADDED.items():
        # A role that was deleted is not created again.
        for group in groups.filter(name=role):
            for action in actions:
                permission, _ = permissions.get_or_create(
                    content_type=content_type,
                    codename=f"{action}_profile",
                    defaults={"name": f"Can {action} what the assistant knows"},
                )
                group.permissions.add(permission)


class Migration(migrations.Migration):
    """Permissions on the profile of the business."""

    dependencies = [
        ("novasonic", "0006_product_roles"),
        ("business", "0001_initial"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
