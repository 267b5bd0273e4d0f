"""The e-mail that offers a freed time to a patient of the waiting list."""

from datetime import datetime

from appointments.emails import format_start, safe_name, shown_doctor
from appointments.labels import KIND_LABELS
from appointments.waiting_list import repository
from appointments.waiting_list.tokens import offer_url
from notifications.domain import Message
from notifications.mail import Mail, MailLink, render_templates


def render(message: Message, now: datetime) -> Mail | None:
    """Return the mail of an offer; None if the time isn't held for this patient any more."""
    entry = repository.get_entry(message.record_id)
    offer = entry.live_offer(now=now) if entry else None
    if entry is None or offer is None or str(offer.number) != message.content["number"]:
        return None
    context = {
        "patient_name": safe_name(entry.patient_name),
        "doctor_name": shown_doctor(offer.doctor_name),
        "when": format_start(offer.starts_at, now=now),
        "held_until": format_start(offer.held_until, now=now),
        "kind": str(KIND_LABELS[entry.kind]),
        "minutes": offer.duration_min,
        "links": [MailLink("Reservar este turno, o decir que no", offer_url(entry))],
    }
    return render_templates("appointments/mail/offer", context)
