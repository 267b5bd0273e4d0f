"""Questions that a reception answers: free times, one's own records, facts about the business.

They are recognised by phrases, and only if the client declared the tool that answers them. The tool's
parameters are those of such tools; missing required ones are asked for as with any other tool.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from nova_sonic_simulator.dialogue.nlu.dates import find_day
from nova_sonic_simulator.dialogue.nlu.names import find_doctor
from nova_sonic_simulator.dialogue.nlu.numbers import with_figures
from nova_sonic_simulator.dialogue.nlu.times import find_time
from nova_sonic_simulator.dialogue.nlu.tokens import fold, tokenize
from nova_sonic_simulator.dialogue.reply import ToolCall
from nova_sonic_simulator.dialogue.slots import Slots, Subject
from nova_sonic_simulator.dialogue.state import ListedRecord

FREE_TIMES, OWN_APPOINTMENTS, OWN_ORDERS = "consultarDisponibilidad", "misTurnos", "misPedidos"
INFORMATION, MESSAGE = "consultarInformacion", "dejarMensaje"

_FREE = re.compile(
    r"\b(?:hay|tenes|tienen|tiene|queda|quedan|habra|hubiera)\b.*"
    r"\b(?:turnos?|horarios?|lugar(?:es)?|huecos?|libres?|disponib\w+)\b"
    r"|\b(?:que|cuales) (?:turnos|horarios|dias)\b.*\b(?:hay|tenes|tienen|quedan?|libres?|disponib\w+)\b"
    r"|\bque hay (?:libre|disponible)\b"
    r"|\b(?:lo antes posible|cuanto antes|primer turno|primer horario|lo mas pronto)\b"
    r"|\bdisponibilidad\b|\bcuando (?:atiende|tiene lugar)\b"
)
_HAS = (
    r"(?:(?:te|le|les) )?(?:hay|habra|habria|hubiera|tenes|tenias|tendras|tendrias|tiene|tienen|tenian|tendra|tendran"
    r"|tendrian|quedan?|quedo|quedaba|quedara|quedaria)"
)
# With a day, a part of the day or a professional: "¿qué hay el jueves?", "¿tenés algo a la tarde?".
_OPEN = re.compile(
    rf"\bque (?:mas |otra cosa )?{_HAS}\b(?! que\b)"
    rf"|\b{_HAS} (?:(?:vos|ustedes|ahi|todavia) )?(?:algo|alguna cosa)\b(?! que (?!no\b))"
    rf"|\balgo\b(?! que (?!no\b)).*\b{_HAS}\b"
)
_OTHER_THINGS = re.compile(
    r"\b(?:pedidos?|compras?|productos?|catalogo|stock|precios?|ofertas?|promocion(?:es)?|descuentos?|envios?|entregas?"
    r"|comer|tomar|nuevo|feriados?|mi (?:proximo )?(?:turno|cita))\b"
    r"|\balgo de (?!(?:la|el|manana|tarde|noche|lunes|martes|miercoles|jueves|viernes|sabado|domingo)\b)"
)
_NO_NUMBER = r"\bno (?:me acuerdo|recuerdo|se|tengo|encuentro|me se)\b.{0,12}\b(?:numero|codigo)"
_OWN = re.compile(
    r"\b(?:mis|tengo|saque|reserve|a mi nombre|hice|pedi)\b|\bque hay (?:de|con|en|sobre) mi\b"
)
_OWN_APPOINTMENTS = re.compile(
    r"\b(?:que|cuales|cuantos|cuando|decime|consultar|saber)\b.*\b(?:turnos?|citas?)\b.*\b(?:tengo|saque|a mi nombre)\b"
    r"|\bcuando (?:tengo|era|es) (?:el|mi) (?:proximo )?turno\b|\bmis (?:proximos )?(?:turnos|citas)\b"
    r"|\bcuando lo tengo\b"
    rf"|{_NO_NUMBER}\b.{{0,12}}\b(?:turno|cita)\b"
)
_OWN_ORDERS = re.compile(
    r"\b(?:que|cuales|cuantos|decime)\b.*\bpedidos?\b.*\b(?:tengo|hice|a mi nombre)\b|\bmis pedidos\b"
    rf"|{_NO_NUMBER}\b.{{0,12}}\bpedido\b"
)
_MESSAGE = re.compile(
    r"\b(?:dejar\w*|deja(?:me|le|les)|toma(?:me|le)?|anota(?:me|le)?|pasa(?:me|le|les)|mand\w+)\b"
    r".{0,20}\b(?:mensaje|recado)\b\W*(?P<reason>.*)"
)
_INTRODUCES_CUSTOMER = re.compile(r"[,.;]?\s*\b(?:soy|me llamo|mi nombre es|a nombre de)\b.*")
_INFORMATION = re.compile(
    r"\b(?:obras? social(?:es)?|prepagas?|osde|pami|ioma|swiss medical|galeno|cobertura|credencial|plan)\b"
    r"|\b(?:estacionamiento|estacionar|como llego|donde (?:quedan?|estan|es)|direccion)\b"
    r"|\b(?:ayuno|preparacion|preparar(?:me)?|requisitos|que tengo que llevar|orden medica)\b"
    r"|\bcuanto (?:cuesta|sale|vale|cobran)\b.{0,12}\b(?:consulta|visita|turno|cita)\b"
    r"|\b(?:formas? de pago|tarjeta|efectivo|transferencia|mercado pago)\b"
)
_DAY_PART = re.compile(r"\b(?:a|por|de|en) la (manana|tarde|noche|tardecita|mananita)\b")
_PARTS: Mapping[str, str] = {
    "manana": "morning", "mananita": "morning", "tarde": "afternoon", "tardecita": "afternoon",
    "noche": "evening",
}  # fmt: skip
_SPECIALTY = re.compile(
    r"\b((?:cardio|dermato|gineco|oftalmo|odonto|trauma(?:to)?|uro|neuro|psico|reumato|endocrino)log\w+"
    r"|pediatr\w+|nutricionista|kinesiolog\w+|clinic[oa](?: medic[oa])?|psiquiatr\w+)\b"
)
_WEEK = re.compile(r"\b(?:(esta semana)|(?:la )?(semana que viene|proxima semana))\b")


def find_inquiry(
    text: str, declared: Collection[str], *, known: Slots, doctor: str | None, now: datetime
) -> ToolCall | None:
    """Return the call of the tool that answers the utterance, or None if it asks for no such thing.

    Args:
        text: The utterance.
        declared: The names of the declared tools.
        known: Who the customer is, as far as they have said; with the number of a record that they name.
        doctor: The doctor of the task that is being discussed, or None.
        now: The current time, in the business's time zone.

    """
    plain = fold(text)
    if known.number is not None:
        declared = [name for name in declared if name not in {OWN_APPOINTMENTS, OWN_ORDERS}]
    if OWN_APPOINTMENTS in declared and _OWN_APPOINTMENTS.search(plain):
        return ToolCall(name=OWN_APPOINTMENTS, arguments=_identity(known, "patientName"))
    if OWN_ORDERS in declared and _OWN_ORDERS.search(plain):
        return ToolCall(name=OWN_ORDERS, arguments=_identity(known, "customerName"))
    if FREE_TIMES in declared and _FREE.search(plain) and not _OWN.search(plain):
        at, _ = find_time(with_figures(tokenize(text)))
        # Who names the hour wants that one.
        return None if at else ToolCall(name=FREE_TIMES, arguments=_free_times(text, doctor, now))
    if FREE_TIMES in declared and _asks_what_is_free(text, now):
        return ToolCall(name=FREE_TIMES, arguments=_free_times(text, doctor, now))
    message = _MESSAGE.search(plain) if MESSAGE in declared else None
    if message and message["reason"]:
        said = text[message.start("reason") : message.end("reason")]
        reason = said[: len(_INTRODUCES_CUSTOMER.sub("", fold(said)))].strip(" ,.;:")
        who = {"customerName": known.name, "customerEmail": known.email, "reason": reason}
        phone = re.search(r"\d[\d\s-]{6,}\d", said)
        who["phone"] = re.sub(r"\D", "", phone[0]) if phone else None
        return ToolCall(name=MESSAGE, arguments={key: each for key, each in who.items() if each})
    asks = INFORMATION in declared and asks_information(text)
    return ToolCall(name=INFORMATION, arguments={"question": text.strip()}) if asks else None


def asks_information(text: str) -> bool:
    """Return whether the customer asks what staff inform about: coverage, preparation, payment."""
    return _is_question(text) and bool(_INFORMATION.search(fold(text)))


def _asks_what_is_free(text: str, now: datetime) -> bool:
    """Return whether this is "¿qué hay el jueves?": it names no appointment, but when or with whom."""
    plain = fold(text)
    if not _OPEN.search(plain) or _OTHER_THINGS.search(plain) or _OWN.search(plain):
        return False
    at, _ = find_time(with_figures(tokenize(text)))
    return at is None and bool(_free_times(text, None, now))


def _is_question(text: str) -> bool:
    begins = r"^\W*(?:que|cual|como|donde|cuando|cuanto|hay|atienden|aceptan|trabajan|reciben|tienen|necesito|puedo|se puede|a que)\b"
    return "?" in text or bool(re.search(begins, fold(text)))


def _identity(known: Slots, name: str) -> dict[str, Any]:
    said = {name: known.name, "dni": known.dni, "email": known.email}
    return {parameter: value for parameter, value in said.items() if value}


def _free_times(text: str, doctor: str | None, now: datetime) -> dict[str, Any]:
    plain = fold(text)
    _, tokens = find_time(with_figures(tokenize(text)))
    day, rest = find_day(tokens, now.date(), day_is_expected=True)
    named, _ = find_doctor(rest, untitled=True, bare=False)
    specialty, part = _SPECIALTY.search(plain), _DAY_PART.search(plain)
    if specialty and named and specialty[1] in fold(named):
        named = None
    first, last = _range(plain, day, now.date())
    said = {
        "doctorName": None if specialty and not named else named or doctor,
        "specialty": specialty[1] if specialty and not named else None,
        "dateFrom": first and first.isoformat(),
        "dateUntil": last and last.isoformat(),
        "partOfDay": _PARTS[part[1]] if part else None,
    }
    return {name: value for name, value in said.items() if value}


def _range(plain: str, day: date | None, today: date) -> tuple[date | None, date | None]:
    week = _WEEK.search(plain)
    if week is None or _names_weekday(plain):
        return day, day
    sunday = today + timedelta(days=6 - today.weekday())
    if week[1]:
        return today, sunday
    return sunday + timedelta(days=1), sunday + timedelta(days=7)


def _names_weekday(plain: str) -> bool:
    return bool(re.search(r"\b(?:lunes|martes|miercoles|jueves|viernes|sabado|domingo)\b", plain))


def listed_records(tool: str, result: Mapping[str, Any]) -> tuple[ListedRecord, ...]:
    """Return the customer's own records in the result of the tool that lists them."""
    is_order = tool == OWN_ORDERS
    records = result.get("orders" if is_order else "appointments")
    if not isinstance(records, list):
        return ()
    return tuple(
        ListedRecord(
            subject=Subject.ORDER if is_order else Subject.APPOINTMENT,
            number=str(each["id"]),
            names=tuple(_names_of(each)),
        )
        for each in records
        if isinstance(each, Mapping) and each.get("id")
    )


def _names_of(record: Mapping[str, Any]) -> Iterator[str]:
    items = record.get("items")
    for item in items if isinstance(items, list) else ():
        yield fold(str(item.get("name")))
    if doctor := record.get("doctorName"):
        yield fold(str(doctor)).rpartition(" ")[2]


def offered_times(result: Mapping[str, Any]) -> tuple[str | None, tuple[datetime, ...]]:
    """Return the doctor and the times of a result about free times; no doctor if there are several."""
    found = result.get("freeTimes")
    entries = (
        [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
    )
    doctors = {str(each.get("doctorName")) for each in entries}
    times = []
    for each in entries:
        try:
            times.append(datetime.fromisoformat(str(each.get("date"))))
        except ValueError:
            continue
    return (doctors.pop() if len(doctors) == 1 else None), tuple(times)
