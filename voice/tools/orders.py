"""The voice tools of orders: each calls one service.

Names, parameters and descriptions are specified by the owner, word for word.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from common.contact import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH
from common.dynamodb.client import run_in_thread
from common.money import DECIMAL_PLACES, MAX_DIGITS
from orders import services
from orders.domain import MAX_ITEMS, MAX_QUANTITY, MAX_TEXT_LENGTH, OrderItem
from voice.tools.arguments import (
    read_item,
    read_list,
    read_price,
    read_text,
    read_total,
    read_whole_number,
)
from voice.tools.registry import ToolContext, needs_confirmation, read_only
from voice.tools.results import (
    describe_new_order,
    describe_order_cancellation,
    order_result,
)

OrderId = Annotated[
    str,
    BeforeValidator(read_text),
    Field(min_length=1, max_length=80, description="Número del pedido, en dígitos."),
]
Dni = Annotated[
    str | None,
    BeforeValidator(read_text),
    Field(max_length=80, description="DNI del cliente, en dígitos. O el nombre."),
]
EmailLetters = Annotated[
    str | None,
    Field(
        max_length=MAX_EMAIL_LENGTH,
        description="Email del cliente o sus primeras cuatro letras, si hace falta otro dato.",
    ),
]
CustomerName = Annotated[
    str | None,
    Field(max_length=MAX_NAME_LENGTH, description="Nombre y apellido del cliente. O el DNI."),
]


class Item(BaseModel):
    """One product of a new order."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True)

    name: Annotated[
        str,
        BeforeValidator(read_text),
        Field(min_length=1, max_length=MAX_TEXT_LENGTH, description="Producto."),
    ]
    quantity: Annotated[
        int,
        BeforeValidator(read_whole_number),
        Field(ge=1, le=MAX_QUANTITY, description="Cantidad."),
    ] = 1
    price: Annotated[
        Decimal,
        BeforeValidator(read_price),
        Field(
            ge=0,
            max_digits=MAX_DIGITS,
            decimal_places=DECIMAL_PLACES,
            description="Precio por unidad.",
        ),
    ]

    @model_validator(mode="before")
    @classmethod
    def _read_fields(cls, value: object) -> object:
        return read_item(value, ITEM_FIELDS)


ITEM_FIELDS = {
    **dict.fromkeys(("name", "nombre", "producto", "product", "productname", "item"), "name"),
    **dict.fromkeys(("quantity", "cantidad", "qty", "unidades"), "quantity"),
    **dict.fromkeys(("price", "precio", "unitprice", "preciounitario"), "price"),
}
"""The field of an item by the names that models give it, in the form of `simplify_name`."""


@read_only
async def consultarOrder(
    context: ToolContext,
    *,
    orderId: OrderId,
    dni: Dni = None,
    customerName: CustomerName = None,
    email: EmailLetters = None,
) -> dict[str, Any]:
    """Consultar pedido por ID con verificación de identidad"""
    found = await run_in_thread(
        services.look_up_order,
        order_id=orderId,
        caller=context.customer(name=customerName, dni=dni, email=email),
        now=context.now,
    )
    return order_result(found, now=context.now, time_zone=context.time_zone)


@needs_confirmation(describe_order_cancellation)
async def cancelarOrder(
    context: ToolContext,
    *,
    orderId: OrderId,
    dni: Dni = None,
    customerName: CustomerName = None,
    email: EmailLetters = None,
) -> dict[str, Any]:
    """Cancelar pedido existente con verificación de identidad"""
    cancelled = await run_in_thread(
        services.cancel_order,
        is_dry_run=context.is_dry_run,
        order_id=orderId,
        caller=context.customer(name=customerName, dni=dni, email=email),
        now=context.now,
    )
    return order_result(cancelled, now=context.now, time_zone=context.time_zone)


@needs_confirmation(describe_new_order)
async def crearOrder(
    context: ToolContext,
    *,
    customerName: Annotated[
        str, Field(min_length=1, max_length=MAX_NAME_LENGTH, description="Nombre y apellido.")
    ],
    customerEmail: Annotated[
        str, Field(min_length=3, max_length=MAX_EMAIL_LENGTH, description="Email.")
    ],
    items: Annotated[
        list[Item],
        BeforeValidator(read_list),
        Field(min_length=1, max_length=MAX_ITEMS, description="Productos."),
    ],
    total: Annotated[
        Decimal | None,
        BeforeValidator(read_total),
        Field(ge=0, max_digits=14, decimal_places=DECIMAL_PLACES, description="Total del pedido."),
    ] = None,
    dni: Annotated[
        str | None,
        BeforeValidator(read_text),
        Field(max_length=80, description="DNI del cliente, en dígitos: lo identifica después."),
    ] = None,
) -> dict[str, Any]:
    """Crear nuevo pedido con items y datos del cliente"""
    placed = await run_in_thread(
        services.place_order,
        caller=context.customer(name=customerName),
        is_dry_run=context.is_dry_run,
        customer_name=customerName,
        customer_email=customerEmail,
        items=[
            OrderItem(id=str(number), name=item.name, quantity=item.quantity, price=item.price)
            for number, item in enumerate(items, start=1)
        ],
        total=total,
        dni=dni,
        token=context.token,
        now=context.now,
    )
    return order_result(placed, now=context.now, time_zone=context.time_zone)
