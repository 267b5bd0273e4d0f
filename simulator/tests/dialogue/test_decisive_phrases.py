"""Phrases that decide what is asked for where their verb alone does not."""

import pytest

from nova_sonic_simulator.dialogue.nlu.interpretation import interpret
from nova_sonic_simulator.dialogue.slots import INTENTS, Intent
from support.customer import MONDAY

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Dejá sin efecto el pedido 38", Intent.CANCEL_ORDER),
        ("Al final sacá el pedido 54", Intent.CANCEL_ORDER),
        ("Sacame un turno con la doctora Paz", Intent.BOOK_APPOINTMENT),
        ("Buscame un lugar con la doctora Paz mañana a las 10", Intent.BOOK_APPOINTMENT),
        ("Buscame el turno 4", Intent.LOOK_UP_APPOINTMENT),
        (
            "Me salió un compromiso, ¿podés pasar mi turno 4 al lunes?",
            Intent.RESCHEDULE_APPOINTMENT,
        ),
        ("Mandame dos pavas a 8000 pesos", Intent.CREATE_ORDER),
        ("Mandame el estado del pedido 5", Intent.LOOK_UP_ORDER),
    ],
)
def test_phrase_decides_where_its_verb_alone_does_not(text: str, intent: Intent) -> None:
    said = interpret(text, now=MONDAY)
    assert said.operation is not None
    assert said.subject is not None
    assert INTENTS[said.operation, said.subject] is intent
