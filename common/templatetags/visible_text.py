"""The filter `visible`, for stored texts that strangers gave."""

from django import template

from common.text import visible as visible_text

register = template.Library()


@register.filter
def visible(text: object) -> str:
    """Return the text with a sign in place of each hidden character."""
    return visible_text(str(text))
