"""Create the staff's roles. They can be changed in the admin afterwards; nothing resets them."""

from django.db import migrations

RECORDS = (("orders", "order"), ("appointments", "appointment"))
ROLES = {
    "viewer": ("view",),
    "reception": ("view", "add", "change"),
    "supervisor": ("view", "add", "change", "delete"),
}


def make_roles(apps, schema_editor):
    """Create the groups, and their permissions, which Django creates only after all migrations."""
    groups = apps.get_model("auth", "Group").objects
    for role, verbs in ROLES.items():
        group, _ = groups.get_or_create(name=role)
        for app, model in RECORDS:
            for verb in verbs:
                group.permissions.add(_permission(apps, app, model, f"{verb}_{model}"))
    groups.get(name="supervisor").permissions.add(
        _permission(apps, "orders", "order", "view_dni", "Can see identity numbers in full")
    )


def _permission(apps, app, model, codename, name=None):
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    content_type, _ = types.get_or_create(app_label=app, model=model)
    permission, _ = permissions.get_or_create(
        content_type=content_type,
        codename=codename,
        defaults={"name": name or f"Can {codename.replace('_', ' ')}"},
    )
    return permission


class Migration(migrations.Migration):
    """Groups: viewer, reception, supervisor."""

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("orders", "0001_initial"),
        ("appointments", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
