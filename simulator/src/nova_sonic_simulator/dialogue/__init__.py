"""The conversation partner: a rule-based dialogue in place of the model.

`open_dialogue` chooses the dialogue for the declared tools: `DialogueManager` knows orders and appointments,
`GeneralDialogue` any set of tools by its declaration. `LanguageModelDialogue` asks a language model instead.
"""

from nova_sonic_simulator.dialogue.general import GeneralDialogue
from nova_sonic_simulator.dialogue.language_model import LanguageModel, LanguageModelDialogue
from nova_sonic_simulator.dialogue.manager import DialogueManager
from nova_sonic_simulator.dialogue.reply import Reply, ToolCall
from nova_sonic_simulator.dialogue.scripts import Dialogue, Script, ScriptedDialogue, Scripts
from nova_sonic_simulator.dialogue.setup import DialogueSetup, ToolSpec
from nova_sonic_simulator.dialogue.slots import Intent

__all__ = [
    "Dialogue",
    "DialogueManager",
    "DialogueSetup",
    "GeneralDialogue",
    "LanguageModel",
    "LanguageModelDialogue",
    "Reply",
    "Script",
    "ScriptedDialogue",
    "Scripts",
    "ToolCall",
    "ToolSpec",
    "open_dialogue",
]


def open_dialogue(setup: DialogueSetup) -> Dialogue:
    """Return a dialogue for the tools and the system prompt of a prompt."""
    if any(tool.name in Intent for tool in setup.tools):
        return DialogueManager(setup)
    return GeneralDialogue(setup)
