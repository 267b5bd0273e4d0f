"""Sentences of customers, typed and as a recogniser writes them, and what they say."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nova_sonic_simulator.dialogue.nlu.interpretation import DialogueAct, Interpretation, interpret
from nova_sonic_simulator.dialogue.nlu.tokens import words
from nova_sonic_simulator.dialogue.slots import Aspect, Item, Operation, RequestedSlot, Subject

pytestmark = pytest.mark.pure

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("America/Argentina/Buenos_Aires"))
TUESDAY, THURSDAY, FRIDAY = date(2026, 11, 24), date(2026, 11, 26), date(2026, 11, 27)

LOOK_UP_ORDER = (Operation.LOOK_UP, Subject.ORDER)
CANCEL_ORDER = (Operation.CANCEL, Subject.ORDER)
CREATE_ORDER = (Operation.CREATE, Subject.ORDER)
BOOK_APPOINTMENT = (Operation.CREATE, Subject.APPOINTMENT)
CANCEL = (Operation.CANCEL, Subject.APPOINTMENT)
RESCHEDULE = (Operation.RESCHEDULE, Subject.APPOINTMENT)
LOOK_UP = (Operation.LOOK_UP, Subject.APPOINTMENT)


def interpretation(text: str, *requested: RequestedSlot) -> Interpretation:
    return interpret(text, now=MONDAY, requested=frozenset(requested))


def slots_of(text: str, *requested: RequestedSlot) -> dict[str, Any]:
    slots = interpretation(text, *requested).slots
    return {name: getattr(slots, name) for name in slots.filled()}


OWNERS_EXAMPLES = [
    (
        "Consulta el pedido número 1 con DNI 12345678",
        LOOK_UP_ORDER,
        {"number": "1", "dni": "12345678"},
    ),
    (
        "Cancela el pedido número 2 para Juan Pérez",
        CANCEL_ORDER,
        {"number": "2", "name": "Juan Pérez"},
    ),
    (
        "Crea un pedido para María García con 2 productos",
        CREATE_ORDER,
        {"name": "María García", "item_count": 2},
    ),
    (
        "Agenda una cita para mañana a las 10 con el Dr. Rodríguez",
        BOOK_APPOINTMENT,
        {"day": TUESDAY, "at": time(10), "doctor": "Dr. Rodríguez"},
    ),
    ("Cancela la cita número 3 para Ana Martínez", CANCEL, {"number": "3", "name": "Ana Martínez"}),
    (
        "Modifica la cita número 1 para el viernes a las 15:00",
        RESCHEDULE,
        {"number": "1", "day": FRIDAY, "at": time(15)},
    ),
    (
        "Modifica la cita número 3 para el viernes a las 15:00",
        RESCHEDULE,
        {"number": "3", "day": FRIDAY, "at": time(15)},
    ),
    (
        "Consulta la cita número 2 para Luis Fernández",
        LOOK_UP,
        {"number": "2", "name": "Luis Fernández"},
    ),
]

TYPED = [
    ("consulta el pedido 1 con dni 12.345.678", LOOK_UP_ORDER, {"number": "1", "dni": "12345678"}),
    ("quiero saber el estado de mi pedido", LOOK_UP_ORDER, {}),
    (
        "¿Dónde está mi pedido 482913? Soy juan pérez",
        LOOK_UP_ORDER,
        {"number": "482913", "name": "Juan Pérez"},
    ),
    ("¿cuándo llega el pedido nro. 4?", LOOK_UP_ORDER, {"number": "4"}),
    (
        "fijate el pedido n° 5, documento 30456789",
        LOOK_UP_ORDER,
        {"number": "5", "dni": "30456789"},
    ),
    (
        "Con DNI 30.456.789 quiero ver el pedido cuarenta y dos",
        LOOK_UP_ORDER,
        {"number": "42", "dni": "30456789"},
    ),
    ("quiero el pedido 1", LOOK_UP_ORDER, {"number": "1"}),
    (
        "averiguame por la orden 3 a nombre de Luis Fernández",
        LOOK_UP_ORDER,
        {"number": "3", "name": "Luis Fernández"},
    ),
    (
        "tengo una consulta sobre el estado del pedido 1",
        LOOK_UP_ORDER,
        {"number": "1", "kind": "consultation"},
    ),
    ("Cancelame el pedido 2, soy Juan Pérez", CANCEL_ORDER, {"number": "2", "name": "Juan Pérez"}),
    ("Quiero anular mi compra número 3", CANCEL_ORDER, {"number": "3"}),
    ("dar de baja el pedido 2 de Juan Pérez", CANCEL_ORDER, {"number": "2", "name": "Juan Pérez"}),
    ("eliminá el pedido 2, dni 11222333", CANCEL_ORDER, {"number": "2", "dni": "11222333"}),
    (
        "quiero cancelar el pedido de María de los Ángeles Gómez",
        CANCEL_ORDER,
        {"name": "María de los Ángeles Gómez"},
    ),
    ("quiero hacer un pedido", CREATE_ORDER, {}),
    (
        "Haceme un pedido de 2 Producto A a 25,99 y 1 Producto B a 15,50, mail maria@mail.com",
        CREATE_ORDER,
        {
            "email": "maria@mail.com",
            "items": (
                Item(name="Producto A", quantity=2, price=Decimal("25.99")),
                Item(name="Producto B", price=Decimal("15.50")),
            ),
        },
    ),
    (
        "quiero comprar tres remeras a mil quinientos pesos cada una",
        CREATE_ORDER,
        {"items": (Item(name="remeras", quantity=3, price=Decimal(1500)),)},
    ),
    (
        "encargá un teclado de $1.200 para pedro gómez",
        CREATE_ORDER,
        {"name": "Pedro Gómez", "items": (Item(name="teclado", price=Decimal(1200)),)},
    ),
    ("necesito un turno con la doctora gomez", BOOK_APPOINTMENT, {"doctor": "Dra. Gomez"}),
    (
        "reservá turno con el Dr. Rodríguez el 27 de noviembre a las nueve y cuarto",
        BOOK_APPOINTMENT,
        {"doctor": "Dr. Rodríguez", "day": FRIDAY, "at": time(9, 15)},
    ),
    (
        "sacame un turno de control para mañana",
        BOOK_APPOINTMENT,
        {"kind": "follow-up", "day": TUESDAY},
    ),
    (
        "dame una cita de urgencia para hoy",
        BOOK_APPOINTMENT,
        {"kind": "emergency", "day": MONDAY.date()},
    ),
    (
        "Necesito una consulta de 45 minutos con el doctor Rodríguez mañana a las 10",
        BOOK_APPOINTMENT,
        {
            "duration_min": 45,
            "doctor": "Dr. Rodríguez",
            "day": TUESDAY,
            "at": time(10),
            "kind": "consultation",
        },
    ),
    (
        "agendame con Gómez el jueves a las 11, una hora",
        BOOK_APPOINTMENT,
        {"doctor": "Gómez", "day": THURSDAY, "at": time(11), "duration_min": 60},
    ),
    (
        "agendá un chequeo para Ana Martínez, ana.martinez@mail.com.ar",
        BOOK_APPOINTMENT,
        {"kind": "routine", "name": "Ana Martínez", "email": "ana.martinez@mail.com.ar"},
    ),
    ("cancelá el turno 3 de Ana Martínez", CANCEL, {"number": "3", "name": "Ana Martínez"}),
    ("No voy a poder ir al turno del viernes", CANCEL, {"day": FRIDAY}),
    ("anulame la cita 3 a nombre de ana martínez", CANCEL, {"number": "3", "name": "Ana Martínez"}),
    (
        "Cambiá el turno 1 para el jueves a las tres y media de la tarde",
        RESCHEDULE,
        {"number": "1", "day": THURSDAY, "at": time(15, 30)},
    ),
    (
        "reprogramá la cita 2 de Luis Fernández al viernes a las 15",
        RESCHEDULE,
        {"number": "2", "name": "Luis Fernández", "day": FRIDAY, "at": time(15)},
    ),
    ("¿Puedo pasar mi turno a otro día?", RESCHEDULE, {}),
    ("Quiero mover la cita de las 10 a las 11", RESCHEDULE, {"at": time(11)}),
    (
        "¿Cuándo es mi turno 2? Soy Luis Fernández",
        LOOK_UP,
        {"number": "2", "name": "Luis Fernández"},
    ),
    ("¿a qué hora tengo la cita 2?", LOOK_UP, {"number": "2"}),
    ("¿con qué doctor es la cita 2?", LOOK_UP, {"number": "2"}),
    (
        "decime cómo está mi cita número dos, el paciente es Luis Fernández",
        LOOK_UP,
        {"number": "2", "name": "Luis Fernández"},
    ),
]

TRANSCRIBED = [
    (
        "Consulta el pedido 15, con DNI-401-23987.",
        LOOK_UP_ORDER,
        {"number": "15", "dni": "40123987"},
    ),
    (
        "Dar debaja la cita 6 de Valeria Domínguez.",
        CANCEL,
        {"number": "6", "name": "Valeria Domínguez"},
    ),
    (
        "Resébame un turno para mañana a las 5 de la tarde.",
        BOOK_APPOINTMENT,
        {"day": TUESDAY, "at": time(17)},
    ),
    (
        "Modifica la cita número 3 para el viernes al asocho de la mañana.",
        RESCHEDULE,
        {"number": "3", "day": FRIDAY, "at": time(8)},
    ),
    (
        "Agenda una cita para el Jueve Salazonce con el doctor Rodríguez.",
        BOOK_APPOINTMENT,
        {"day": THURSDAY, "at": time(11), "doctor": "Dr. Rodríguez"},
    ),
    (
        "Consulta el pedido número 1 con DNI 1, 2, 3, 4, 5, 6, 7, 8.",
        LOOK_UP_ORDER,
        {"number": "1", "dni": "12345678"},
    ),
    (
        "Consulta el pedido número 1 con DNI1, 2, 3, 4, 5, 6, 7, 8.",
        LOOK_UP_ORDER,
        {"number": "1", "dni": "12345678"},
    ),
    (
        "Consulta el pedido número uno, con DNA 12,345,678.",
        LOOK_UP_ORDER,
        {"number": "1", "dni": "12345678"},
    ),
    (
        "Consulta el pedido número 1 con DNI 12 millones 345.678.",
        LOOK_UP_ORDER,
        {"number": "1", "dni": "12345678"},
    ),
    (
        "Consulta el pedido 4-8-2, 9-1-3 para Luis Fernández.",
        LOOK_UP_ORDER,
        {"number": "482913", "name": "Luis Fernández"},
    ),
    (
        "Cansela el pedido número 2 para Juan Pérez.",
        CANCEL_ORDER,
        {"number": "2", "name": "Juan Pérez"},
    ),
    (
        "Cancela el perido número 2 para Juan Pérez.",
        CANCEL_ORDER,
        {"number": "2", "name": "Juan Pérez"},
    ),
    (
        "Agenda una cita para mañana a las 10 con el doctor Rodríguez.",
        BOOK_APPOINTMENT,
        {"day": TUESDAY, "at": time(10), "doctor": "Dr. Rodríguez"},
    ),
    (
        "Modifica la cita número uno para el viernes a las 15, 00.",
        RESCHEDULE,
        {"number": "1", "day": FRIDAY, "at": time(15)},
    ),
    (
        "Modifica la sita número 1 para el viernes a las 14, 0-0.",
        RESCHEDULE,
        {"number": "1", "day": FRIDAY, "at": time(14)},
    ),
    (
        "Cambíame el turno 482,903 al jueves a la XI y media.",
        RESCHEDULE,
        {"number": "482903", "day": THURSDAY, "at": time(11, 30)},
    ),
    (
        "Consulta la cita número dos, para Luis Fernández.",
        LOOK_UP,
        {"number": "2", "name": "Luis Fernández"},
    ),
    ("Cancela la cita número 3, 27 de noviembre.", CANCEL, {"number": "3", "day": FRIDAY}),
]


@pytest.mark.parametrize(("text", "intent", "slots"), [*OWNERS_EXAMPLES, *TYPED, *TRANSCRIBED])
def test_an_intent_and_its_slots_are_understood(
    text: str, intent: tuple[Operation, Subject], slots: dict[str, Any]
) -> None:
    found = interpretation(text)
    # A known number without a verb is asked about: the dialogue decides so.
    assert (found.operation, found.subject) == intent
    assert slots_of(text) == slots


@pytest.mark.parametrize(
    ("answer", "requested", "slots"),
    [
        ("12345678", (RequestedSlot.NUMBER, RequestedSlot.IDENTITY), {"dni": "12345678"}),
        ("12 345 678", (RequestedSlot.NUMBER, RequestedSlot.IDENTITY), {"dni": "12345678"}),
        (
            "el 1 y mi dni es 12345678",
            (RequestedSlot.NUMBER, RequestedSlot.IDENTITY),
            {"number": "1", "dni": "12345678"},
        ),
        (
            "el uno, soy Juan Pérez",
            (RequestedSlot.NUMBER, RequestedSlot.IDENTITY),
            {"number": "1", "name": "Juan Pérez"},
        ),
        ("cuatro ocho dos nueve uno tres", (RequestedSlot.NUMBER,), {"number": "482913"}),
        ("Juan Pérez", (RequestedSlot.IDENTITY,), {"name": "Juan Pérez"}),
        ("sí, ana martínez, gracias", (RequestedSlot.NAME,), {"name": "Ana Martínez"}),
        ("es Luis", (RequestedSlot.NAME,), {"name": "Luis"}),
        ("Rodríguez", (RequestedSlot.DOCTOR,), {"doctor": "Rodríguez"}),
        ("con la doctora Gómez", (RequestedSlot.DOCTOR,), {"doctor": "Dra. Gómez"}),
        ("juan arroba mail punto com", (RequestedSlot.MAIL,), {"email": "juan@mail.com"}),
        ("el 27", (RequestedSlot.DAY, RequestedSlot.TIME), {"day": FRIDAY}),
        (
            "quiero el viernes a las 11",
            (RequestedSlot.DAY, RequestedSlot.TIME),
            {"day": FRIDAY, "at": time(11)},
        ),
        (
            "mouse y dos teclados",
            (RequestedSlot.ITEMS,),
            {"items": (Item(name="mouse"), Item(name="teclados", quantity=2))},
        ),
        (
            "dos unidades de producto A a 25 con 99 y una de producto B a 15 con 50",
            (RequestedSlot.ITEMS,),
            {
                "items": (
                    Item(name="producto A", quantity=2, price=Decimal("25.99")),
                    Item(name="producto B", price=Decimal("15.50")),
                )
            },
        ),
        ("25,99 y 15 pesos", (RequestedSlot.PRICES,), {"prices": (Decimal("25.99"), Decimal(15))}),
    ],
)
def test_a_bare_answer_fills_what_was_asked_for(
    answer: str, requested: tuple[RequestedSlot, ...], slots: dict[str, Any]
) -> None:
    assert slots_of(answer, *requested) == slots


@pytest.mark.parametrize("question", ["¿para qué lo necesitás?", "¿cómo?", "cancelá"])
def test_a_question_or_a_request_is_no_bare_name(question: str) -> None:
    assert slots_of(question, RequestedSlot.NAME) == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("no, el dos", "2"),
        ("perdón, la 3", "3"),
        ("¿y el 2?", "2"),
        ("el pedido 1, no, perdón, el 2", "2"),
        ("dos", None),
        ("y 2", None),
    ],
)
def test_a_correction_names_another_number(text: str, number: str | None) -> None:
    assert slots_of(text).get("number") == number


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("¿qué productos tiene el pedido 1?", Aspect.DETAILS),
        ("dame los detalles de la cita 2", Aspect.DETAILS),
        ("¿con quién es la cita 2?", Aspect.DETAILS),
        ("¿cuánto sale el pedido 1?", Aspect.TOTAL),
        ("número de seguimiento del pedido 1", Aspect.TRACKING),
        ("¿cuánto dura la cita?", Aspect.DURATION),
        ("¿en qué estado está el pedido 1?", Aspect.STATUS),
        ("consulta el pedido 1", None),
    ],
)
def test_what_of_it_is_asked_for_is_understood(text: str, aspect: Aspect | None) -> None:
    assert interpretation(text).aspect is aspect


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("Hola, buen día", DialogueAct.GREETING),
        ("muchas gracias", DialogueAct.THANKS),
        ("chau", DialogueAct.BYE),
        ("hasta luego", DialogueAct.BYE),
        ("¿qué podés hacer?", DialogueAct.HELP),
        ("dale", DialogueAct.YES),
        ("no", DialogueAct.NO),
        ("dejalo así", DialogueAct.STOP),
    ],
)
def test_dialogue_act_is_recognised(text: str, act: DialogueAct) -> None:
    assert act in interpretation(text).acts


@pytest.mark.parametrize(
    ("text", "choice"),
    [("la primera", 0), ("sí, la segunda", 1), ("la tercera", 2), ("la última", -1), ("sí", None)],
)
def test_ordinals_choose(text: str, choice: int | None) -> None:
    assert interpretation(text).choice == choice


@pytest.mark.parametrize(
    ("said", "email"),
    [
        ("juan.perez@mail.com", "juan.perez@mail.com"),
        ("Mi correo es Juan Arroba Mail punto com.", "juan@mail.com"),
        ("Juan punto, Pérez, arroba, gmail punto com.", "juan.perez@gmail.com"),
        (
            "ana guion bajo martinez arroba yahoo punto com punto ar gracias",
            "ana_martinez@yahoo.com.ar",
        ),
        ("soy Juan, juan arroba mail punto com", "juan@mail.com"),
        ("mariaarrobamail.com", "maria@mail.com"),
        ("juan arroba mail punto comercial", "juan@mail.com"),
        ("juan23@mail.com, perdón, juan24@mail.com", "juan24@mail.com"),
        ("juan arroba", None),
        ("no roba nada. Punto.", None),
    ],
)
def test_addresses_are_read_typed_and_spoken(said: str, email: str | None) -> None:
    assert slots_of(said).get("email") == email


FRAGMENTS = st.sampled_from(
    words(
        "pedido cita dni 1 12345678 , . a las la 10 y media cuarto menos el viernes 27 de noviembre"
        " mañana para Juan Pérez con doctor dos mil millones @ arroba punto com - / : $ 25,99 ¿ ? no"
    )
)


@given(st.text() | st.lists(FRAGMENTS).map(" ".join), st.frozensets(st.sampled_from(RequestedSlot)))
@example("²³ ½ ①", frozenset({RequestedSlot.NUMBER}))
@example("٣ pedido ٣", frozenset({RequestedSlot.NUMBER}))
@example("İ ǅ ﬃ", frozenset({RequestedSlot.NAME}))
@example("9" * 5000, frozenset(RequestedSlot))
def test_any_text_is_interpreted_without_error(
    text: str, requested: frozenset[RequestedSlot]
) -> None:
    assert isinstance(interpret(text, now=MONDAY, requested=requested), Interpretation)


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("¿habría lugar con la doctora Gómez el lunes?", Operation.CREATE),
        ("poneme un turno con el doctor Sosa", Operation.CREATE),
        ("programame la cita 7 para el miércoles a las 8", Operation.RESCHEDULE),
        ("programame una cita para el miércoles a las 8", Operation.CREATE),
        ("el turno nueve pasámelo para el jueves", Operation.RESCHEDULE),
        ("no lo quiero más al pedido 12, sacámelo", Operation.CANCEL),
    ],
)
def test_colloquial_request_is_understood(text: str, operation: Operation) -> None:
    assert interpretation(text).operation is operation
