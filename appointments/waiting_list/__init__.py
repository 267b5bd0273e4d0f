"""The waiting list: patients who want a time that is taken, and what is offered to them when one is freed.

`domain` has the states, `offers` decides to whom a freed time is offered, `services` are the operations, and
`views` are the pages on which a patient accepts or refuses. A freed time is held for the first who fits, in the
same transaction that frees it, so nobody else can book it in between.
"""
