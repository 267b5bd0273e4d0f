"""The Django app through which templates and static files of the voice page are found."""

from django.apps import AppConfig


class VoiceWebConfig(AppConfig):
    """The browser client."""

    name = "voice.web"
    label = "voice_web"
