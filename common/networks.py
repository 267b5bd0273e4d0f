"""The network that an address belongs to: whoever has one address of it can usually have others."""

import ipaddress

IPV6_CUSTOMER_BITS = 64
"""One IPv6 customer has all addresses of such a prefix."""


def network_of(address: str, *, ipv4_bits: int = 32, ipv6_bits: int = IPV6_CUSTOMER_BITS) -> str:
    """Return the network of an address, such as `192.0.2.0/24`; what is no address, as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(parsed), ipv6_bits), strict=False))
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((int(parsed), ipv4_bits), strict=False))
