"""Let the staff view and edit the information about the business, and supervisors delete it, too."""

from django.db import migrations

MODELS = ("informationentry",)
VERBS = {
    "viewer": ("view",),
    "reception": ("view", "add", "change"),
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
    """Permissions on information entries."""

    dependencies = [
        ("novasonic", "0007_business_roles"),
        ("appointments", "0003_information"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
