"""The conversation partner: a rule-based dialogue about orders and appointments, in place of the model.

Public names: `DialogueManager`, `ScriptedDialogue` and `Scripts`.
"""

from nova_sonic_simulator.dialogue.manager import DialogueManager
from nova_sonic_simulator.dialogue.reply import Reply, ToolCall
from nova_sonic_simulator.dialogue.scripts import Script, ScriptedDialogue, Scripts

__all__ = ["DialogueManager", "Reply", "Script", "ScriptedDialogue", "Scripts", "ToolCall"]
