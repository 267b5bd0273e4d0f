"""Conversion of names between Python and JSON. Pure."""


def camel_case(name: str) -> str:
    """Return `customer_name` as `customerName`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def snake_case(name: str) -> str:
    """Return `customerName` as `customer_name`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
