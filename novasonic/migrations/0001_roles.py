"""Create the staff's roles. They can be changed in the admin afterwards; nothing resets them."""

from django.db import migrations

from novasonic.migrations._permissions import get_permission

RECORDS = (("orders", "order"), ("appointments", "appointment"))
ROLES = {
    "viewer": ("view",),
    "reception": ("view", "add", "change"),
    "supervisor": ("view", "add", "change", "delete"),
}


def make_roles(apps, schema_editor):
    """Create the groups with their permissions."""
    groups = apps.get_model("auth", "Group").objects
    for role, verbs in ROLES.items():
        group, _ = groups.get_or_create(name=role)
        for app, model in RECORDS:
            for verb in verbs:
                codename, name = f"{verb}_{model}", f"Can {verb} {model}"
                group.permissions.add(get_permission(apps, app, model, codename, name))
    groups.get(name="supervisor").permissions.add(
        get_permission(apps, "orders", "order", "view_dni", "Can see identity numbers in full")
    )


class Migration(migrations.Migration):
    """Groups: viewer, reception, supervisor."""

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("orders", "0001_initial"),
        ("appointments", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
