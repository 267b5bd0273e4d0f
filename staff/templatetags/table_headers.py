"""The filter `name_first_column`, for Django's tabular inlines."""

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext

register = template.Library()

EMPTY = '<th class="original"></th>'


@register.filter(is_safe=True)
def name_first_column(table: SafeString) -> SafeString:
    """Return the table with a name for its first column, which Django leaves without one."""
    name = f'<span class="visually-hidden">{gettext("Row")}</span>'
    return SafeString(table.replace(EMPTY, EMPTY.replace("></", f">{name}</")))
