"""Follow-ups: what staff have to do after a call, such as calling a customer back."""
