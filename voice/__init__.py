"""Calls: browser door, one customer call, Nova Sonic session, voice tools."""
