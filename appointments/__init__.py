"""Appointments: which patient sees which doctor, and when; never two at once."""
