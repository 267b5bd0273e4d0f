"""Let reception and supervisors view e-mails and send them again.

Viewers get none of it: an e-mail has the address of a patient.
"""

from django.db import migrations

MODEL = "message"
ROLES = ("reception", "supervisor")
VERBS = ("view", "change")


def add_permissions(apps, schema_editor):
    """Add the permissions to the roles, and create them, as Django does only after all migrations."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="notifications", model=MODEL
    )
    permissions = apps.get_model("auth", "Permission").objects
    # A role that was deleted is not created again.
    for group in apps.get_model("auth", "Group").objects.filter(name__in=ROLES):
        for verb in VERBS:
            permission, _ = permissions.get_or_create(
                content_type=content_type,
                codename=f"{verb}_{MODEL}",
                defaults={"name": f"Can {verb} e-mail"},
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    """Permissions on e-mails."""

    dependencies = [
        ("novasonic", "0010_waiting_list_roles"),
        ("notifications", "0001_initial"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
