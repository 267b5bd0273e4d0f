"""Let supervisors manage webhooks, look at their deliveries, and send events again."""

from django.db import migrations

ROLE = "supervisor"
PERMISSIONS = {
    "webhookendpoint": ("view", "add", "change", "delete"),
    "webhookdelivery": ("view", "change"),
}
NAMES = {"webhookendpoint": "webhook", "webhookdelivery": "delivery of a webhook"}


def add_permissions(apps, schema_editor):
    """Add the permissions to the role, and create them, as Django does only after all migrations."""
    content_types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    # A role that was deleted is not created again.
    for group in apps.get_model("auth", "Group").objects.filter(name=ROLE):
        for model, verbs in PERMISSIONS.items():
            content_type, _ = content_types.get_or_create(app_label="webhooks", model=model)
            for verb in verbs:
                permission, _ = permissions.get_or_create(
                    content_type=content_type,
                    codename=f"{verb}_{model}",
                    defaults={"name": f"Can {verb} {NAMES[model]}"},
                )
                group.permissions.add(permission)


class Migration(migrations.Migration):
    """Permissions on webhooks."""

    dependencies = [
        ("novasonic", "0011_email_roles"),
        ("webhooks", "0001_initial"),
    ]

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
