"""Placing an order and looking at it."""

from django.db import transaction
from django.http import HttpRequest, JsonResponse

from orders.models import Order
from orders.tasks import confirm


@transaction.atomic
def place(request: HttpRequest) -> JsonResponse:
    """The order and its confirmation are stored together, or neither is."""
    order = Order.objects.create(item=request.GET.get("item", "tea"))
    result = confirm.enqueue(order.pk)
    order.receipt = result.id
    order.save()
    if order.item == "refused":
        transaction.set_rollback(True)
    return JsonResponse({"order": order.pk, "receipt": result.id})


def show(request: HttpRequest, order: int) -> JsonResponse:
    """How far it is."""
    found = Order.objects.get(pk=order)
    result = confirm.get_result(found.receipt)
    return JsonResponse({"item": found.item, "confirmed": found.confirmed, "status": result.status})
