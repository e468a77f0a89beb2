"""What is done for an order, by workers."""

try:
    from django.tasks import task
except ImportError:
    from django_tasks import task

from orders.models import Order


class OutOfStock(Exception):
    """Nothing of it is left."""


@task(queue_name="mail")
def confirm(order: int) -> str:
    """Send the confirmation."""
    found = Order.objects.get(pk=order)
    if found.item == "nothing":
        raise OutOfStock(found.item)
    found.confirmed = True
    found.save()
    return f"confirmed {found.item}"


@task(takes_context=True)
async def archive(context, order: int) -> int:
    """An async one, which knows its attempt."""
    await Order.objects.filter(pk=order).aupdate(item="archived")
    return context.attempt
