"""The ground: what two or more rooms use. It imports none of them."""
