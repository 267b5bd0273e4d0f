"""Add the second factors as staff see them, and let supervisors see and reset them."""

from django.db import migrations

NAMES = {"view": "Can view second factor", "delete": "Can delete second factor"}


def add_permissions(apps, schema_editor):
    """Give the role its permissions, and create them, as Django does only after all migrations."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="second_factor", model="secondfactor"
    )
    permissions = apps.get_model("auth", "Permission").objects
    # A role that was deleted is not created again.
    for group in apps.get_model("auth", "Group").objects.filter(name="supervisor"):
        for action, name in NAMES.items():
            permission, _ = permissions.get_or_create(
                content_type=content_type,
                codename=f"{action}_secondfactor",
                defaults={"name": name},
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("novasonic", "0008_information_roles"),
        ("otp_static", "0003_add_timestamps"),
        ("otp_totp", "0003_add_timestamps"),
    ]

    operations = [
        migrations.CreateModel(
            name="SecondFactor",
            fields=[],
            options={
                "verbose_name": "second factor",
                "verbose_name_plural": "second factors",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("otp_totp.totpdevice",),
        ),
        migrations.RunPython(add_permissions, migrations.RunPython.noop),
    ]
