"""What all calls of this process share, made from the settings at its first use."""

import asyncio
import logging
import random
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from django.conf import settings

from appointments.clinic import opening_hours
from appointments.schedules.services import current_schedule, last_read_schedule
from business.domain import BusinessProfile
from business.services import PROFILES
from common import clock, ids
from common.dynamodb.client import run_in_thread
from common.errors import DomainError
from conversations.model_usage import UsageLimits
from voice.calls.engine.rotation import RotationPlan
from voice.calls.engine.watchdog import WatchdogLimits
from voice.calls.options import CallSettings
from voice.calls.regions import Region, RegionPool
from voice.calls.session_quota import SessionQuota, lease_in_thread
from voice.gateway.admission import AdmissionLimits
from voice.gateway.rate_limits import Rate
from voice.prompts import LANGUAGES, Directives, build_system_prompt, load_directives
from voice.prompts.business import Business
from voice.sonic.credentials import CredentialsResolver
from voice.sonic.events import EndpointingSensitivity, SessionStart
from voice.sonic.families import family_of
from voice.sonic.transport import BedrockConfig, BedrockTransport

logger = logging.getLogger(__name__)

PROFILE_TIMEOUT_S = 1.0
"""How long a call's start waits for what staff have written about the business."""


@cache
def region_pool() -> RegionPool:
    """Return the process's Regions. They belong to the event loop they are first used in."""
    credentials, process_id = CredentialsResolver(), ids.opaque_id()
    return RegionPool(
        Region(
            name,
            BedrockTransport(_bedrock_config(name, endpoint_url), credentials),
            SessionQuota(
                name,
                quota=settings.NOVA_SONIC_SESSION_QUOTA,
                process_id=process_id,
                lease=lease_in_thread,
                now=clock.now,
            ),
        )
        for name, endpoint_url in settings.SONIC_ENDPOINTS.items()
    )


def _bedrock_config(region: str, endpoint_url: str | None) -> BedrockConfig:
    return BedrockConfig(
        region=region,
        model_id=settings.NOVA_SONIC_MODEL_ID,
        endpoint_url=endpoint_url,
        ca_file=settings.BEDROCK_CA_FILE,
        header_timeout_s=settings.SESSION_OPEN_TIMEOUT_S,
    )


def frame_rate(calls: int = 1) -> Rate:
    """Return how many frames so many calls may send."""
    per_s = settings.CALL_FRAMES_PER_S * calls
    return Rate(per_s=per_s, burst=10 * per_s)


def byte_rate(calls: int = 1) -> Rate:
    """Return how many bytes so many calls may send."""
    per_s = settings.CALL_BYTES_PER_S * calls
    return Rate(per_s=per_s, burst=10 * per_s)


def admission_limits() -> AdmissionLimits:
    """Return how many calls this process takes."""
    return AdmissionLimits(
        calls=settings.CALLS_MAX,
        sessions=settings.NOVA_SONIC_MAX_SESSIONS,
        reserved_calls=settings.CALLS_RESERVED if settings.KNOWN_CALLER_DAYS else 0,
        busy_share=settings.CALLS_BUSY_PERCENT / 100,
        calls_per_address=settings.CALLS_PER_ADDRESS,
        calls_per_network=settings.CALLS_PER_NETWORK,
        ipv4_bits=settings.NETWORK_IPV4_BITS,
        ipv6_bits=settings.NETWORK_IPV6_BITS,
        connections_per_address=settings.CONNECTIONS_PER_ADDRESS,
        starts_per_address=Rate(
            per_s=settings.CALL_STARTS_PER_MINUTE / 60, burst=settings.CALL_STARTS_PER_MINUTE
        ),
        frames_per_address=frame_rate(settings.CALLS_PER_ADDRESS),
        bytes_per_address=byte_rate(settings.CALLS_PER_ADDRESS),
    )


def usage_limits() -> UsageLimits:
    """Return the budget of minutes of the model."""
    return UsageLimits(
        address_day=settings.MODEL_MINUTES_PER_ADDRESS,
        day=settings.MODEL_MINUTES_PER_DAY,
        month=settings.MODEL_MINUTES_PER_MONTH,
    )


def call_settings() -> CallSettings:
    """Return what each call is given."""
    time_zone = ZoneInfo(settings.CLINIC_TIME_ZONE)

    family = family_of(settings.NOVA_SONIC_MODEL_ID)

    def system_prompt(language: str, voice: str, now: datetime) -> str:
        return build_system_prompt(
            language=language,
            family=family.name,
            voice=voice,
            business=current_business(),
            now=now,
            time_zone=time_zone,
        )

    def directives(language: str, voice: str) -> Directives:
        return load_directives(language=language, voice=voice, business=current_business())

    return CallSettings(
        session=_session_start(),
        family=family,
        time_zone=time_zone,
        system_prompt=system_prompt,
        directives=directives,
        now=clock.now,
        jitter=random.random,
        rotation=RotationPlan.for_sessions(settings.SESSION_MAX_S),
        watchdog=_watchdog_limits(),
        window_ms=settings.CALL_WINDOW_MS,
        resume_for_s=settings.CALL_RESUME_S,
        tool_deadline_s=settings.TOOL_DEADLINE_S,
        confirms_changes=settings.CONFIRM_CHANGES,
        shortest_pause_ms=settings.SESSION_SHORTEST_PAUSE_MS or family.shortest_pause_ms,
        text_rate=Rate(
            per_s=settings.CALL_TEXTS_PER_MINUTE / 60, burst=settings.CALL_TEXTS_PER_MINUTE
        ),
    )


def read_documents() -> None:
    """Read the prompts of all languages, so that the first call need not."""
    given = call_settings()
    for language in LANGUAGES:
        given.system_prompt(language, settings.NOVA_SONIC_VOICE, given.now())
        given.directives(language, settings.NOVA_SONIC_VOICE)


def current_business(profile: BusinessProfile | None = None) -> Business:
    """Return the facts of the business: what staff have written, and the settings for the rest.

    Args:
        profile: What staff have written; None for what is stored, as this process last read it.

    """
    written = PROFILES.current if profile is None else profile
    return Business(
        name=written.name or settings.BUSINESS_NAME,
        doctors=[each.name for each in last_read_schedule().professionals],
        opening_hours=opening_hours(),
        address=written.address or settings.BUSINESS_ADDRESS,
        phone=written.phone or settings.BUSINESS_PHONE,
        handover=written.handover or settings.HANDOVER,
        takes_messages=written.takes_messages,
        emergency=written.emergency,
        notes=written.notes,
        personas=written.personas,
        has_catalogue=settings.ORDER_CATALOGUE == "required",
    )


async def refresh_business() -> None:
    """Read the profile and the schedule again, if it is time to; a store that is slow changes nothing."""
    if not PROFILES.is_stale:
        return
    try:
        async with asyncio.timeout(PROFILE_TIMEOUT_S):
            await run_in_thread(PROFILES.refresh)
            await run_in_thread(current_schedule)
    except TimeoutError:
        logger.warning("business profile not read", extra={"code": "timeout"})
    except DomainError as error:
        logger.warning("business profile not read", extra={"code": error.code})


def _watchdog_limits() -> WatchdogLimits:
    return WatchdogLimits(
        idle_s=settings.CALL_IDLE_S,
        limit_s=60 * settings.CALL_MAX_MINUTES,
        unresponsive_s=settings.SESSION_UNRESPONSIVE_S,
        tool_patience_s=settings.TOOL_WAIT_NOTICE_S,
    )


def _session_start() -> SessionStart:
    sensitivity = None
    if family_of(settings.NOVA_SONIC_MODEL_ID).accepts_endpointing:
        sensitivity = EndpointingSensitivity(settings.NOVA_SONIC_ENDPOINTING_SENSITIVITY)
    return SessionStart(
        max_tokens=settings.NOVA_SONIC_MAX_TOKENS,
        top_p=settings.NOVA_SONIC_TOP_P,
        temperature=settings.NOVA_SONIC_TEMPERATURE,
        endpointing_sensitivity=sensitivity,
    )
