"""What the dialogue takes from the system prompt."""

import pytest

from nova_sonic_simulator.dialogue.setup import read_style

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("prompt", "language", "introduction", "marker"),
    [
        ("", "es", None, None),
        (
            "Eres Carlos, el asistente virtual de Nova Sonic.\nAl final de cada respuesta, incluye [FINAL].",
            "es",
            "Carlos, el asistente virtual de Nova Sonic",
            "[FINAL]",
        ),
        (
            "Sos Lupe, la asistente de la clínica. Hablás español.",
            "es",
            "Lupe, la asistente de la clínica",
            None,
        ),
        (
            "Eres Carlos, el asistente virtual. Preséntate como Lupe, la asistente de Clínica del Sol.",
            "es",
            "Lupe, la asistente de Clínica del Sol",
            None,
        ),
        ("You are Nova, a helpful assistant. Be brief.", "en", "Nova, a helpful assistant", None),
        ("You are a helpful assistant. Reply in Spanish.", "es", None, None),
        ("You are the agent. End every answer with [DONE].", "en", None, "[DONE]"),
        ("Respondé siempre en inglés.", "en", None, None),
    ],
)
def test_style_follows_the_prompt(
    prompt: str, language: str, introduction: str | None, marker: str | None
) -> None:
    style = read_style(prompt)
    assert (style.language, style.introduction, style.end_marker) == (
        language,
        introduction,
        marker,
    )


def test_marker_is_added_to_the_last_sentence_and_removed_again() -> None:
    style = read_style("Incluye [FINAL] al final.")
    assert style.finish(("Uno.", "Dos.")) == ("Uno.", "Dos. [FINAL]")
    assert style.strip_marker(("Uno.", "Dos. [FINAL]")) == "Uno. Dos."
    assert style.finish(()) == ()
