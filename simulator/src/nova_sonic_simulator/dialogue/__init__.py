"""Carries a customer's conversation about orders and appointments, in place of the model.

`Conversation` is the whole public face, with `Scripts` for those who want to put words into its
mouth; everything else in this package is its workings.
"""

from nova_sonic_simulator.dialogue.manager import Conversation
from nova_sonic_simulator.dialogue.reply import Reply, ToolCall
from nova_sonic_simulator.dialogue.scripts import Script, ScriptedConversation, Scripts

__all__ = ["Conversation", "Reply", "Script", "ScriptedConversation", "Scripts", "ToolCall"]
