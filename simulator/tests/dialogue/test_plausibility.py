"""The transcript with the most certain slots is chosen; of equal ones the most probable."""

from nova_sonic_simulator.dialogue.nlu.plausibility import certainty, most_plausible


def test_known_surname_beats_an_unknown_one() -> None:
    transcripts = (
        "No llego a la cita 4, soy Carla Poncer.",
        "No llego a la cita 4, soy Carla Ponce.",
    )
    assert most_plausible(transcripts) == 1


def test_identity_number_that_is_whole_beats_a_broken_one() -> None:
    transcripts = ("El pedido 6, mi DNI es estrenta y tres.", "El pedido 6, mi DNI es 33.200.111.")
    assert most_plausible(transcripts) == 1


def test_equal_transcripts_keep_their_order() -> None:
    assert most_plausible(("Hola, buen día.", "Hola, buenos días.")) == 0


def test_priced_items_and_known_doctors_count() -> None:
    assert certainty("Quiero un pedido de dos tazas a cien pesos") > certainty("Quiero un pedido")
    known = certainty("Quiero un turno con la doctora Gómez")
    assert known > certainty("Quiero un turno con la doctora Gomezur")
