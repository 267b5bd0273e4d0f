"""Where calls begin: the process's one way to Nova Sonic, and what all its calls share.

One transport a process, so that sessions share warm connections and cached credentials. It
belongs to the event loop it was first used in; the ASGI lifespan warms and closes it.
"""

from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings

from common import clock, ids
from voice.call import Call, CallSettings
from voice.prompts import system_prompt
from voice.sonic.events import EndpointingSensitivity, SessionStart
from voice.sonic.transport import BedrockConfig, BedrockTransport
from voice.tools import TOOLS

LANGUAGE = "es"
_FIRST_GENERATION = "amazon.nova-sonic-v1"


@cache
def transport() -> BedrockTransport:
    """Return the process's transport, made from the settings at its first use."""
    return BedrockTransport(
        BedrockConfig(
            region=settings.NOVA_SONIC_REGION,
            model_id=settings.NOVA_SONIC_MODEL_ID,
            endpoint_url=settings.BEDROCK_ENDPOINT_URL,
            ca_file=settings.BEDROCK_CA_FILE,
        )
    )


def new_call(*, input_rate_hz: int) -> Call:
    """Return a call that has yet to run."""
    return Call(
        call_id=ids.opaque_id(),
        transport=transport(),
        tools=TOOLS,
        settings=_call_settings(),
        input_rate_hz=input_rate_hz,
    )


def _call_settings() -> CallSettings:
    time_zone = ZoneInfo(settings.CLINIC_TIME_ZONE)
    return CallSettings(
        session=_session_start(),
        voice=settings.NOVA_SONIC_VOICE,
        time_zone=time_zone,
        system_prompt=lambda now: system_prompt(language=LANGUAGE, now=now, time_zone=time_zone),
        now=clock.now,
    )


def _session_start() -> SessionStart:
    sensitivity = None
    if not settings.NOVA_SONIC_MODEL_ID.startswith(_FIRST_GENERATION):  # which refuses the field
        sensitivity = EndpointingSensitivity(settings.NOVA_SONIC_ENDPOINTING_SENSITIVITY)
    return SessionStart(
        max_tokens=settings.NOVA_SONIC_MAX_TOKENS,
        top_p=settings.NOVA_SONIC_TOP_P,
        temperature=settings.NOVA_SONIC_TEMPERATURE,
        endpointing_sensitivity=sensitivity,
    )
