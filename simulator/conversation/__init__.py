"""Carries a customer's conversation about orders and appointments, in place of the model.

`Conversation` is the whole public face, with `Scripts` for those who want to put words into its
mouth; everything else in this package is its workings.
"""

from simulator.conversation.dialogue import Conversation
from simulator.conversation.scripts import Script, ScriptedConversation, Scripts
from simulator.conversation.speech import Reply, ToolCall

__all__ = ["Conversation", "Reply", "Script", "ScriptedConversation", "Scripts", "ToolCall"]
