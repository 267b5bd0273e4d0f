"""Let reception and supervisors see the telephone numbers of patients, whom they may have to call."""

from django.db import migrations

ROLES = ("reception", "supervisor")


def add_permissions(apps, schema_editor):
    """Add the permission to the roles, and create it, as Django does only after all migrations."""
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    content_type, _ = types.get_or_create(app_label="appointments", model="appointment")
    permission, _ = permissions.get_or_create(
        content_type=content_type,
        codename="view_phone",
        defaults={"name": "Can see telephone numbers in full"},
    )
    # A role that was deleted is not created again.
    for group in apps.get_model("auth", "Group").objects.filter(name__in=ROLES):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    """The permission on telephone numbers."""

    dependencies = [
        ("novasonic", "0008_information_roles"),
        ("appointments", "0004_phone"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
