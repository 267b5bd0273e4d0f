"""What staff read in place of the names of tools and the codes of errors."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

TOOL_LABELS: Mapping[str, Promise] = {
    "consultarOrder": gettext_lazy("Look up an order"),
    "cancelarOrder": gettext_lazy("Cancel an order"),
    "crearOrder": gettext_lazy("Place an order"),
    "agendarTurno": gettext_lazy("Book an appointment"),
    "cancelarTurno": gettext_lazy("Cancel an appointment"),
    "modificarTurno": gettext_lazy("Move an appointment"),
    "consultarTurno": gettext_lazy("Look up an appointment"),
    "dejarMensaje": gettext_lazy("Leave a message"),
    "consultarDisponibilidad": gettext_lazy("Look for free times"),
    "misTurnos": gettext_lazy("List one's own appointments"),
    "misPedidos": gettext_lazy("List one's own orders"),
    "consultarInformacion": gettext_lazy("Answer a question about the business"),
}
ARGUMENT_LABELS: Mapping[str, Promise] = {
    "orderId": gettext_lazy("number"),
    "appointmentId": gettext_lazy("number"),
    "customerName": gettext_lazy("customer"),
    "customerEmail": gettext_lazy("e-mail"),
    "email": gettext_lazy("e-mail"),
    "dni": gettext_lazy("identity number"),
    "items": gettext_lazy("products"),
    "total": gettext_lazy("total"),
    "patientName": gettext_lazy("patient"),
    "patientEmail": gettext_lazy("e-mail"),
    "doctorName": gettext_lazy("doctor"),
    "date": gettext_lazy("day and time"),
    "newDate": gettext_lazy("day and time"),
    "duration": gettext_lazy("minutes"),
    "type": gettext_lazy("type"),
    "code": gettext_lazy("code"),
    "specialty": gettext_lazy("specialty"),
    "dateFrom": gettext_lazy("from"),
    "dateUntil": gettext_lazy("until"),
    "partOfDay": gettext_lazy("part of the day"),
    "question": gettext_lazy("question"),
    "reason": gettext_lazy("message"),
    "phone": gettext_lazy("phone number"),
}
ERROR_LABELS: Mapping[str, Promise] = {
    # Of tools
    "appointment_already_cancelled": gettext_lazy("The appointment was cancelled already"),
    "appointment_closed": gettext_lazy("The appointment is over"),
    "appointment_in_the_past": gettext_lazy("The time is in the past"),
    "appointment_not_found": gettext_lazy("No appointment with that number and person"),
    "appointment_status_not_allowed": gettext_lazy("That status may not follow"),
    "appointment_too_far": gettext_lazy("The day is too far ahead"),
    "attempt_too_soon": gettext_lazy("Another try came too soon"),
    "attempts_exceeded": gettext_lazy("Too many wrong names or numbers"),
    "confirmation_needed": gettext_lazy("The customer had to confirm first"),
    "contact_needed": gettext_lazy("Neither an identity number nor an e-mail address"),
    "customer_not_found": gettext_lazy("No orders of that person"),
    "contact_missing": gettext_lazy("Neither a phone number nor an e-mail address"),
    "closed_day": gettext_lazy("The clinic is closed that day"),
    "conflict": gettext_lazy("Somebody else changed it at that moment"),
    "doctor_not_found": gettext_lazy("No such doctor"),
    "empty_order": gettext_lazy("An order without products"),
    "entry_not_found": gettext_lazy("The entry is not there any more"),
    "follow_up_not_found": gettext_lazy("The message is not there any more"),
    "idempotency_conflict": gettext_lazy("Asked for twice in different words"),
    "identity_missing": gettext_lazy("The customer did not say who they are"),
    "invalid_field": gettext_lazy("A value was missing or wrong"),
    "needs_confirmation": gettext_lazy("The customer had to confirm first"),
    "new_patients_not_accepted": gettext_lazy("No new patients"),
    "nonexistent_time": gettext_lazy("The clocks skip that time"),
    "not_a_slot": gettext_lazy("No appointment begins at that time"),
    "not_found": gettext_lazy("Not found"),
    "offer_over": gettext_lazy("The offer was over"),
    "order_already_cancelled": gettext_lazy("The order was cancelled already"),
    "order_not_cancellable": gettext_lazy("The order is on its way or delivered"),
    "order_not_found": gettext_lazy("No order with that number and person"),
    "order_packed": gettext_lazy("The order is packed already"),
    "order_status_not_allowed": gettext_lazy("That status may not follow"),
    "outside_opening_hours": gettext_lazy("Outside the opening hours"),
    "patient_not_found": gettext_lazy("No appointments of that person"),
    "patient_busy": gettext_lazy("The patient has another appointment then"),
    "catalogue_full": gettext_lazy("The catalogue is full"),
    "product_ambiguous": gettext_lazy("Several products fit"),
    "product_exists": gettext_lazy("The product was there already"),
    "product_not_found": gettext_lazy("No such product"),
    "product_unknown": gettext_lazy("No such product"),
    "last_professional": gettext_lazy("The last professional stays"),
    "professional_exists": gettext_lazy("The professional was there already"),
    "professional_not_found": gettext_lazy("No such professional"),
    "professional_away": gettext_lazy("The professional does not work then"),
    "second_factor_needed": gettext_lazy("A second proof of identity was needed"),
    "slot_taken": gettext_lazy("The time was taken"),
    "stale_version": gettext_lazy("Somebody else changed it at that moment"),
    "timeout": gettext_lazy("It took too long"),
    "too_many_moves": gettext_lazy("Moved too often today"),
    "total_mismatch": gettext_lazy("The total did not match the prices"),
    "unavailable": gettext_lazy("The data could not be reached"),
    "waiting_entry_closed": gettext_lazy("No longer on the waiting list"),
    "waiting_entry_not_found": gettext_lazy("Not on the waiting list"),
    "waiting_list_full": gettext_lazy("The waiting list is full"),
    "unknown_tool": gettext_lazy("The assistant asked for a tool that does not exist"),
    # Of calls
    "access_denied": gettext_lazy("No access to the model"),
    "credentials_missing": gettext_lazy("No access to the model"),
    "internal": gettext_lazy("A fault of the server"),
    "model_not_ready": gettext_lazy("The model was not ready"),
    "model_timeout": gettext_lazy("The model took too long"),
    "service_unavailable": gettext_lazy("The model was out of service"),
    "stream_lost": gettext_lazy("The connection with the model was lost"),
    "throttled": gettext_lazy("The model had too many calls"),
    "validation": gettext_lazy("The model refused what it was sent"),
}


def tool_label(name: str) -> str:
    """Return what a tool does, in words; its name if it is none of ours."""
    return str(TOOL_LABELS.get(name, name))


def argument_label(name: str) -> str:
    """Return what an argument of a tool is, in words; its name if it is none of ours."""
    return str(ARGUMENT_LABELS.get(name, name))


def error_label(code: str) -> str:
    """Return what went wrong, in words; "" for no code."""
    if not code:
        return ""
    label = ERROR_LABELS.get(code)
    return _("Another error") if label is None else str(label)
