"""Let reception read conversations, and supervisors also forget them and see what tools did in all calls.

A viewer sees orders and appointments, which say what customers bought; a conversation says what they said.
"""

from django.db import migrations

CONVERSATION = "conversation"
TOOL_RUN = "toolrun"
GIVEN = {
    "reception": ((CONVERSATION, "view"),),
    "supervisor": ((CONVERSATION, "view"), (CONVERSATION, "delete"), (TOOL_RUN, "view")),
}
NAMES = {CONVERSATION: "conversation", TOOL_RUN: "tool run"}


def give(apps, schema_editor):
    """Give the permissions and, since Django makes them only after all migrations, make them."""
    groups = apps.get_model("auth", "Group").objects
    for role, permissions in GIVEN.items():
        # A role that somebody has deleted isn't made again.
        for group in groups.filter(name=role):
            for model, verb in permissions:
                group.permissions.add(_permission(apps, model, verb))


def _permission(apps, model, verb):
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    content_type, _ = types.get_or_create(app_label="conversations", model=model)
    permission, _ = permissions.get_or_create(
        content_type=content_type,
        codename=f"{verb}_{model}",
        defaults={"name": f"Can {verb} {NAMES[model]}"},
    )
    return permission


class Migration(migrations.Migration):
    """Permissions on conversations and tool runs."""

    dependencies = [
        ("novasonic", "0001_roles"),
        ("conversations", "0001_initial"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
