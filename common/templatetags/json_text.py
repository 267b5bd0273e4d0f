"""The filter `json_text`, for form fields that contain JSON."""

import json

from django import template

register = template.Library()


@register.filter
def json_text(value: object) -> str:
    """Return `value` as indented JSON. A text is returned as it is: it may be invalid JSON that was typed."""
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
