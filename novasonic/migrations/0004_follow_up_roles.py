"""Let reception view, add and change follow-ups, and supervisors delete them, too.

Viewers get none of it: a follow-up contains a phone number and what somebody said.
"""

from django.db import migrations

MODEL = "followup"
ADDED = {"reception": ("view", "add", "change"), "supervisor": ("view", "add", "change", "delete")}


def add_permissions(apps, schema_editor):
    """Add the permissions to the roles, and create them, as Django does only after all migrations."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="follow_ups", model=MODEL
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
                    defaults={"name": f"Can {action} message"},
                )
                group.permissions.add(permission)


class Migration(migrations.Migration):
    """Permissions on follow-ups."""

    dependencies = [
        ("novasonic", "0003_failed_logins"),
        ("follow_ups", "0001_initial"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
