"""What is open between customer and assistant, and which words are only an echo."""

import pytest

from voice.calls.turn import InjectedTexts, OpenTurn, in_customers_words

pytestmark = pytest.mark.pure


def asked(*, reply_coming: bool = False, direction: str = "") -> OpenTurn:
    question = OpenTurn()
    question.asked(at=1.0, reply_coming=reply_coming, direction=direction)
    return question


def answered(*, tool_runs: bool = False) -> OpenTurn:
    question = asked()
    question.sign()
    question.reply_ended(tool_runs=tool_runs)
    return question


class TestQuestion:
    def test_at_first_nothing_is_asked(self) -> None:
        question = OpenTurn()
        assert (question.is_open, question.no_sign_since) == (False, None)

    def test_it_is_open_until_its_answer_has_ended(self) -> None:
        question = asked()
        assert (question.is_open, question.no_sign_since) == (True, 1.0)
        question.sign()
        assert (question.is_open, question.no_sign_since) == (True, None)
        question.reply_ended()
        assert (question.is_open, question.no_sign_since) == (False, None)

    def test_a_reply_that_shows_no_sign_of_it_is_not_its_answer(self) -> None:
        question = asked()
        question.reply_ended()
        assert (question.is_open, question.no_sign_since) == (True, 1.0)

    def test_the_rest_of_a_reply_to_something_else_is_no_sign_of_it(self) -> None:
        question = asked(reply_coming=True)
        question.sign()
        question.reply_ended()
        assert (question.is_open, question.no_sign_since) == (True, 1.0)
        question.sign()
        question.reply_ended()
        assert not question.is_open

    def test_asking_again_begins_afresh(self) -> None:
        question = asked(reply_coming=True)
        question.asked(at=2.0)
        question.sign()
        assert question.no_sign_since is None
        question.reply_ended()
        assert not question.is_open

    def test_a_wish_for_a_tool_is_a_sign_and_no_answer(self) -> None:
        question = asked()
        question.reopened()
        assert (question.is_open, question.no_sign_since) == (True, None)

    def test_a_wish_for_a_tool_opens_what_seemed_answered(self) -> None:
        question = answered()
        question.reopened()
        assert question.is_open

    def test_what_is_said_while_a_tool_runs_is_not_the_answer(self) -> None:
        assert answered(tool_runs=True).is_open
        assert not answered(tool_runs=False).is_open

    def test_a_result_makes_the_answer_due(self) -> None:
        question = answered(tool_runs=True)
        question.result_given(at=5.0, reply_coming=False)
        assert question.no_sign_since == 5.0
        question.sign()
        question.reply_ended()
        assert not question.is_open

    def test_what_was_being_said_when_a_result_came_is_not_the_answer(self) -> None:
        question = asked()
        question.sign()
        question.result_given(at=5.0, reply_coming=True)
        question.sign()
        question.reply_ended()
        assert question.is_open
        question.sign()
        question.reply_ended()
        assert not question.is_open

    def test_a_result_nobody_waits_for_asks_nothing(self) -> None:
        question = answered()
        question.result_given(at=5.0, reply_coming=False)
        assert (question.is_open, question.no_sign_since) == (False, None)

    def test_what_the_server_asked_is_known_until_it_is_answered_or_the_customer_speaks(
        self,
    ) -> None:
        question = asked(direction="[Saludá]")
        assert question.direction == "[Saludá]"
        question.sign()
        question.reply_ended()
        assert question.direction == ""
        question = asked(direction="[Saludá]")
        question.asked(at=2.0)
        assert question.direction == ""


class TestEchoes:
    def test_what_was_said_in_the_customers_place_is_one_once(self) -> None:
        echoes = InjectedTexts()
        echoes.expect("Hola")
        assert echoes.is_one("Hola")
        assert not echoes.is_one("Hola")

    def test_said_twice_it_is_one_twice(self) -> None:
        echoes = InjectedTexts()
        for _ in range(2):
            echoes.expect("Hola")
        assert [echoes.is_one("Hola") for _ in range(3)] == [True, True, False]

    @pytest.mark.parametrize("told", ["hola qué tal", "¡Hola! ¿Qué tal?", " HOLA,  QUÉ TAL "])
    def test_a_service_may_write_it_differently(self, told: str) -> None:
        echoes = InjectedTexts()
        echoes.expect("¡Hola! ¿Qué tal?")
        assert echoes.is_one(told)

    def test_other_words_are_none(self) -> None:
        echoes = InjectedTexts()
        echoes.expect("Hola")
        assert not echoes.is_one("Chau")

    def test_a_session_that_is_gone_owes_none(self) -> None:
        echoes = InjectedTexts()
        echoes.expect("Hola")
        echoes.forget()
        assert not echoes.is_one("Hola")

    def test_signs_alone_are_told_apart(self) -> None:
        echoes = InjectedTexts()
        echoes.expect("👍")
        assert not echoes.is_one("¿?")
        assert echoes.is_one("👍")


@pytest.mark.parametrize(
    ("typed", "said"),
    [("Hola", "Hola"), ("[Despedite]", "(Despedite)"), ("a[b]c[", "a(b)c(")],
)
def test_typed_words_can_not_pass_for_a_direction(typed: str, said: str) -> None:
    assert in_customers_words(typed) == said
