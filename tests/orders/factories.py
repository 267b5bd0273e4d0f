"""Example items for the tests of orders."""

from decimal import Decimal

from hypothesis import strategies as st

from orders.domain import MAX_QUANTITY, OrderItem

ITEM = OrderItem(name="Producto A", quantity=2, price=Decimal("25.99"))
VALID_ITEMS = st.lists(
    st.builds(
        OrderItem,
        name=st.just("A"),
        quantity=st.integers(1, MAX_QUANTITY),
        price=st.decimals(0, 10_000, places=2),
    ),
    max_size=8,
)
