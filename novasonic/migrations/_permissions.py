"""The operation of the migrations that give permissions to the staff's roles."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import migrations


def get_permission(apps: Any, app_label: str, model: str, codename: str, name: str) -> Any:
    """Return a permission. It is created if need be, as Django does only after all migrations."""
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    content_type, _ = types.get_or_create(app_label=app_label, model=model)
    permission, _ = permissions.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": name}
    )
    return permission


def add_permissions(
    app_label: str, model: str, noun: str, verbs_by_role: Mapping[str, Collection[str]]
) -> migrations.RunPython:
    """Return the operation that lets roles view, add, change or delete the records of a model.

    Args:
        app_label: The app of the model.
        model: The model's name in lower case.
        noun: What the names of the permissions call a record: "Can view `noun`".
        verbs_by_role: By role, what it may do: "view", "add", "change", "delete".

    """

    def operation(apps: Any, schema_editor: Any) -> None:
        groups = apps.get_model("auth", "Group").objects
        for role, verbs in verbs_by_role.items():
            # A role that was deleted is not created again.
            for group in groups.filter(name=role):
                for verb in verbs:
                    permission = get_permission(
                        apps, app_label, model, f"{verb}_{model}", f"Can {verb} {noun}"
                    )
                    group.permissions.add(permission)

    return migrations.RunPython(operation, migrations.RunPython.noop)
