"""A value as JSON that a person can edit."""

import json

from django import template

register = template.Library()


@register.filter
def json_text(value: object) -> str:
    """Return `value` as indented JSON; text, which may be JSON somebody got wrong, as it is."""
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
