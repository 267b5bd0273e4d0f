"""Let reception and supervisors see the telephone numbers of patients, whom they may have to call."""

from django.db import migrations

from novasonic.migrations._permissions import get_permission

ROLES = ("reception", "supervisor")


def add_permission(apps, schema_editor):
    """Add the permission to the roles."""
    permission = get_permission(
        apps, "appointments", "appointment", "view_phone", "Can see telephone numbers in full"
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

    operations = [migrations.RunPython(add_permission, migrations.RunPython.noop)]
