"""What Whisper was seen to write for customers' sentences, and what they meant."""

from decimal import Decimal

import pytest

from nova_sonic_simulator.dialogue.nlu.asr_corrections import correct_names, correct_transcript
from nova_sonic_simulator.dialogue.nlu.interpretation import interpret
from nova_sonic_simulator.dialogue.slots import Item
from support.customer import MONDAY

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("transcript", "meant"),
    [
        ("Juan arroba mai el punto com.", "Juan arroba mail punto com."),
        ("Luis arroba mal punto com.", "Luis arroba mail punto com."),
        ("Juan Arroba Mayl, punto com.", "Juan arroba mail, punto com."),
        ("rocioarroba-mail.com", "rocio arroba mail.com"),
        ("Ana García Arroba y Maill punto com.", "Ana García arroba mail punto com."),
        ("ines punto cruza roba mal punto com", "ines punto cruz arroba mail punto com"),
        ("ana roba mail punto com", "ana arroba mail punto com"),
        ("juan arroba ge mail punto com", "juan arroba gmail punto com"),
        ("juan@mail.com", "juan@mail.com"),
        ("maria.garciaarrobaimail.com", "maria.garcia arroba email.com"),
        ("Anaerroba mael.com", "Ana arroba mail.com"),
    ],
)
def test_misheard_address_is_corrected(transcript: str, meant: str) -> None:
    assert correct_transcript(correct_names(transcript)) == meant


@pytest.mark.parametrize(
    ("transcript", "meant"),
    [
        ("Juan Peres.", "Juan Pérez."),
        ("soy Valentina o campo", "soy Valentina Ocampo"),
        ("con la doctora y barra", "con la doctora Ibarra"),
        ("el pedido o campo", "el pedido o campo"),
        ("Ana y Pedro", "Ana y Pedro"),
        ("borramisita número 8", "borra mi cita número 8"),
        ("a las 5 menos 4 de la tarde", "a las 5 menos cuarto de la tarde"),
        ("tres lámparas a 8 500 pesos", "tres lámparas a 8500 pesos"),
        ("la doctora Nuñes", "la doctora Núñez"),
        ("Agenda, me un turno", "Agendame un turno"),
        ("Quiera un turno", "quiero un turno"),
        ("el pedido 1, no, para el 2", "el pedido 1, no, pará, el 2"),
        ("el pedido 1, no. Para, el 2", "el pedido 1, no, pará, el 2"),
        ("para el martes", "para el martes"),
        ("Para, el 2, DNI", "no, pará, el 2, DNI"),
        ("Para el 2 de enero", "Para el 2 de enero"),
        ("¿Que do agendada?", "¿quedó agendada?"),
        ("¿Y qué producto estiene?", "¿Y qué productos tiene?"),
        ("documento 12 millones 340 y 5.678", "documento 12.345.678"),
        ("Mi DNI es 12,340 y 5,678.", "Mi DNI es 12.345.678."),
        ("Necesita un turno", "necesito un turno"),
        ("dar de baja misita", "dar de baja mi cita"),
        ("así que sacáme lo, me llamo Tomás", "así que sacamelo, me llamo Tomás"),
        ("sacame lo que pedí", "sacame lo que pedí"),
        ("DNI es 30 y 3 millones", "DNI es 33 millones"),
        ("mi nombre esignacio Vega", "mi nombre es ignacio Vega"),
        ("mi nombre estela Vega", "mi nombre estela Vega"),
        ("Bruno Álvares", "Bruno Álvarez"),
        ("esa come un turno", "sacame un turno"),
        ("mejor cancelada, soy Carla", "mejor cancelala, soy Carla"),
        ("necesita ayuda", "necesita ayuda"),
        ("el pedido 30 y 2, a nombre", "el pedido 32, a nombre"),
        ("DNI 30 y 3, 120, 450", "DNI 33, 120, 450"),
        ("velas a 30 y 2 floreros", "velas a 30 y 2 floreros"),
        ("el pedido 30 y 2.000 pesos", "el pedido 30 y 2.000 pesos"),
        ("el pedido, onsen, no lo quiero", "el pedido, once, no lo quiero"),
        ("mi turno, caense al miércoles", "mi turno, quince al miércoles"),
        ("4 tasas a 800", "4 tazas a 800"),
        ("las tasas de interés", "las tasas de interés"),
        ("2 floreiros a 1200", "2 floreros a 1200"),
        ("soy Julieta Ferreira", "soy Julieta Ferreira"),
        ("soy Daniel Avega?", "soy Daniela Vega?"),
        ("cada una, soy mi caela ríos.", "cada una, soy Micaela Ríos."),
        ("me surgió un viaje, eluciatores.", "me surgió un viaje, Lucia Torres."),
        ("el turno 40 y uno hasta", "el turno 41 hasta"),
        ("el doctor correo a mañana", "el doctor Correa mañana"),
        ("el correo a mañana", "el correo a mañana"),
        ("a nombre del autaro Gómez", "a nombre de lautaro Gómez"),
        ("a nombre del padre", "a nombre del padre"),
        ("soy Martina Costa", "soy Martina Costa"),
        ("mi hermana bella", "mi hermana bella"),
        ("soy Daniel, avega", "soy Daniel, avega"),
        ("la doctora Fernández Elmartes, primero", "la doctora Fernández el martes, primero"),
    ],
)
def test_misheard_phrase_is_corrected(transcript: str, meant: str) -> None:
    assert correct_transcript(correct_names(transcript)) == meant


def test_ordering_verb_is_not_an_item() -> None:
    said = interpret("te pido cuatro tazas a 800 pesos cada una", now=MONDAY)
    (item,) = said.slots.items
    assert item == Item(name="tazas", quantity=4, price=Decimal(800))
