"""Add the table of failed logins, and let supervisors read and delete its rows."""

from django.db import migrations, models

ADDED = ("view", "delete")


def add_permissions(apps, schema_editor):
    """Give the role its permissions, and create them, as Django does only after all migrations."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="novasonic", model="failedlogins"
    )
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="supervisor")
    permissions = apps.get_model("auth", "Permission").objects
    for action in ADDED:
        permission, _ = permissions.get_or_create(
            content_type=content_type,
            codename=f"{action}_failedlogins",
            defaults={"name": f"Can {action} failed logins"},
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("novasonic", "0002_conversation_roles")]

    operations = [
        migrations.CreateModel(
            name="FailedLogins",
            fields=[
                ("key", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("account", models.CharField(blank=True, max_length=150, verbose_name="user")),
                ("address", models.CharField(blank=True, max_length=64, verbose_name="address")),
                ("failures", models.PositiveIntegerField(verbose_name="failed logins")),
                ("expires_at", models.DateTimeField(db_index=True, verbose_name="until")),
            ],
            options={"verbose_name": "failed logins", "verbose_name_plural": "failed logins"},
        ),
        migrations.RunPython(add_permissions, migrations.RunPython.noop),
    ]
