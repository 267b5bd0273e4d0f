"""Let reception view conversations, and supervisors delete them and view the tool calls of all calls.

Viewers get neither: a conversation contains more personal data than an order or an appointment.
"""

from django.db import migrations

CONVERSATION = "conversation"
TOOL_RUN = "toolrun"
ADDED = {
    "reception": ((CONVERSATION, "view"),),
    "supervisor": ((CONVERSATION, "view"), (CONVERSATION, "delete"), (TOOL_RUN, "view")),
}
NAMES = {CONVERSATION: "conversation", TOOL_RUN: "tool run"}


def add_permissions(apps, schema_editor):
    """Add the permissions to the roles, and create them, as Django does only after all migrations."""
    groups = apps.get_model("auth", "Group").objects
    for role, permissions in ADDED.items():
        # A role that was deleted is not created again.
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

    operations = [migrations.RunPython(add_permissions, migrations.RunPython.noop)]
