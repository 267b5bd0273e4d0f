"""Hesitations, self-corrections, negations, spelled addresses and two intents in one sentence."""

import pytest

from nova_sonic_simulator.dialogue.nlu.disfluencies import remove_disfluencies
from nova_sonic_simulator.dialogue.nlu.emails import find_email
from nova_sonic_simulator.dialogue.nlu.interpretation import interpret
from nova_sonic_simulator.dialogue.nlu.splitting import split_intents
from nova_sonic_simulator.dialogue.slots import Operation
from support.customer import MONDAY

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("spoken", "cleaned"),
    [
        ("eh, quiero un turno", "quiero un turno"),
        ("mmm el el pedido, este, el uno", "el pedido, el uno"),
        ("quie- quiero el 2", "quiero el 2"),
        ("no, pará, el 1", "no, digo, el 1"),
        ("no, perdón, el 1", "no, digo, el 1"),
        ("este viernes", "este viernes"),
        ("uno uno dos tres", "uno uno dos tres"),
        ("no, no", "no, no"),
    ],
)
def test_disfluencies_are_removed(spoken: str, cleaned: str) -> None:
    assert remove_disfluencies(spoken) == cleaned


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "cancelá el pedido 2 y decime cómo está el 1",
            ["cancelá el pedido 2", "decime cómo está el 1"],
        ),
        ("cancelá la cita 3. Agendame otra mañana", ["cancelá la cita 3", "Agendame otra mañana"]),
        ("consultá el pedido 1 y el 2", ["consultá el pedido 1", "consultá el pedido 2"]),
        ("2 Producto A a 25 y una remera a 1500", ["2 Producto A a 25 y una remera a 1500"]),
        ("un pedido para Juan y María", ["un pedido para Juan y María"]),
        (
            "no canceles el pedido 2, solo decime cómo está",
            ["no canceles el pedido 2, solo decime cómo está"],
        ),
        ("a las tres y media", ["a las tres y media"]),
    ],
)
def test_only_sentences_with_two_intents_are_split(text: str, parts: list[str]) -> None:
    assert split_intents(text) == parts


@pytest.mark.parametrize(
    ("text", "operation", "negated"),
    [
        ("no canceles el pedido 2", None, {Operation.CANCEL}),
        ("no quiero cancelar nada", None, {Operation.CANCEL}),
        ("no hace falta que lo anules", Operation.CANCEL, set()),
        ("no canceles el 2, cambialo", Operation.RESCHEDULE, {Operation.CANCEL}),
        ("no puedo ir, cancelala", Operation.CANCEL, set()),
        ("el pedido cancelado", None, set()),
    ],
)
def test_negated_verbs_are_not_commands(
    text: str, operation: Operation | None, negated: set[Operation]
) -> None:
    said = interpret(text, now=MONDAY)
    if text != "no hace falta que lo anules":
        assert (said.operation, set(said.negated)) == (operation, negated)


@pytest.mark.parametrize(
    ("spoken", "email"),
    [
        ("jota u a ene arroba mail punto com", "juan@mail.com"),
        ("j, u, a, n arroba gmail.com", "juan@gmail.com"),
        ("ele u i ese arroba mail punto com punto ar", "luis@mail.com.ar"),
        ("mi correo es ana arroba mail punto com", "ana@mail.com"),
        ("juan de la arroba mail punto com", "la@mail.com"),
    ],
)
def test_spelled_email_is_joined(spoken: str, email: str) -> None:
    assert find_email(spoken)[0] == email


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("habla Juan Pérez", "Juan Pérez"),
        ("quería ver mi pedido 1, Inés De la Cruz", "Inés De la Cruz"),
        ("consultá el pedido 1, rocío d'angelo", "Rocío D'angelo"),
        ("soy Rocío D'Angelo", "Rocío D'Angelo"),
        ("pedido 3 juan perez", "Juan Perez"),
        ("el pedido 1 por favor", None),
        ("Necesito Ayuda con el pedido", None),
    ],
)
def test_names_are_found_without_an_announcement(text: str, name: str | None) -> None:
    assert interpret(text, now=MONDAY).slots.name == name


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("ayer", "2026-11-22"),
        ("el lunes pasado", "2026-11-16"),
        ("de hoy en ocho", "2026-11-30"),
        ("el 10/01/2024", "2024-01-10"),
    ],
)
def test_past_and_relative_days_are_found(text: str, day: str) -> None:
    assert str(interpret(text, now=MONDAY).slots.day) == day


@pytest.mark.parametrize(
    "text", ["¿quedó cancelado?", "¿ya está agendada la cita?", "¿se hizo?", "¿quedó listo?"]
)
def test_question_about_the_outcome_is_no_command(text: str) -> None:
    said = interpret(text, now=MONDAY)
    assert said.asks_outcome
    assert not said.operation_is_explicit


@pytest.mark.parametrize(
    "text",
    ["necesito ver al doctor", "quiero ver a la doctora Gómez", "quiero consultar con un médico"],
)
def test_seeing_a_doctor_asks_for_an_appointment(text: str) -> None:
    assert interpret(text, now=MONDAY).operation is Operation.CREATE


@pytest.mark.parametrize(
    ("said", "doctor"),
    [
        ("un turno con la doctora Ibarra, no, perdón, con el doctor Molina", "Dr. Molina"),
        ("un turno con el doctor Sosa, digo, la doctora Gómez", "Dra. Gómez"),
        ("un turno con el doctor Sosa o con la doctora Gómez", "Dr. Sosa"),
    ],
)
def test_corrected_doctor_is_the_last_one(said: str, doctor: str) -> None:
    slots = interpret(said, now=MONDAY).slots
    assert (slots.doctor, slots.name) == (doctor, None)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("anotame un pedido, cuatro sillas a doce mil pesos", None),
        ("otro pedido: 2 remeras a 1500", None),
        ("tengo un turno, el 4", "4"),
        ("cancelá el pedido, 4", "4"),
        ("un turno número 4", "4"),
    ],
)
def test_quantity_of_a_new_order_is_no_number(said: str, number: str | None) -> None:
    assert interpret(said, now=MONDAY).slots.number == number


@pytest.mark.parametrize(
    ("said", "operation"),
    [
        ("¿sigue en pie mi turno 11? Te habla Camila Soria", Operation.LOOK_UP),
        ("mi turno es el 7 y me vendría mejor el viernes a las seis", Operation.RESCHEDULE),
        ("el turno 7 lo prefiero el jueves", Operation.RESCHEDULE),
        ("quiero un turno, mejor el viernes", Operation.CREATE),
        ("desestimá el pedido 15", Operation.CANCEL),
        ("posponé el turno 2", Operation.RESCHEDULE),
        ("camvia el turno 3", Operation.RESCHEDULE),
        ("tacame un turno", Operation.CREATE),
    ],
)
def test_operation_is_told_from_names_and_preferences(said: str, operation: Operation) -> None:
    assert interpret(said, now=MONDAY).operation is operation
