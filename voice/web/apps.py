"""The web app of voice: Django finds the page's templates and static files by it."""

from django.apps import AppConfig


class VoiceWebConfig(AppConfig):
    """The browser client."""

    name = "voice.web"
    label = "voice_web"
