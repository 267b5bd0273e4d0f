"""What public pages say of the business."""

from django import template
from django.conf import settings

from business import services

register = template.Library()


@register.simple_tag
def business_name() -> str:
    """Return the name of the business."""
    return services.business_name()


@register.simple_tag
def business_phone() -> str:
    """Return the number for customers who want a person, or ""."""
    profile = services.PROFILES.refreshed()
    return (
        profile.handover or profile.phone or str(settings.HANDOVER) or str(settings.BUSINESS_PHONE)
    )
