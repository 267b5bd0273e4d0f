"""Carries a customer's conversation about orders and appointments, in place of the model.

`DialogueManager` is the whole public face, with `Scripts` for those who want to put words into its
playout; everything else in this package is its workings.
"""

from nova_sonic_simulator.dialogue.manager import DialogueManager
from nova_sonic_simulator.dialogue.reply import Reply, ToolCall
from nova_sonic_simulator.dialogue.scripts import Script, ScriptedDialogue, Scripts

__all__ = ["DialogueManager", "Reply", "Script", "ScriptedDialogue", "Scripts", "ToolCall"]
