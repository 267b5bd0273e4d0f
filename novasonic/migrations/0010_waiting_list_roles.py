"""Let the staff view the waiting list, and reception and supervisors change it."""

from django.db import migrations

MODELS = ("waitingentry",)
VERBS = {
    "viewer": ("view",),
    "reception": ("view", "add", "change", "delete"),
    "supervisor": ("view", "add", "change", "delete"),
}


def add_permissions(apps, schema_editor):
    """Add the permissions to the roles, and create them, as Django does only after all migrations."""
    groups = apps.get_model("auth", "Group").objects
    for role, verbs in VERBS.items():
        # A role that was deleted is not created again.
        for group in groups.filter(name=role):
            for model in MODELS:
                for verb in verbs:
                    group.permissions.add(_permission(apps, model, verb))


def _permission(apps, model, verb):
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    content_type, _ = types.get_or_create(app_label="appointments", model=model)
    permission, _ = permissions.get_or_create(
        content_type=content_type,
        codename=f"{verb}_{model}",
        defaults={"name": f"Can {verb} {model}"},
    )
    return permission


class Migration(migrations.Migration):
    """Permissions on the waiting list."""

    dependencies = [
        ("novasonic", "0009_phone_roles"),
        ("appointments", "0005_waiting_list"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
