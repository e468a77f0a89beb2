"""Tests of the shop, without a worker."""

from django.contrib.auth.models import User
from django.test import TestCase

from orders.models import Order
from orders.tasks import OutOfStock, archive, confirm
from pg_scheduler_django.testing import run_due_jobs


class Steering(TestCase):
    def test_jobs_stand_in_the_admin_and_can_be_cancelled_there(self) -> None:
        self.client.force_login(User.objects.create_superuser("boss"))
        result = confirm.enqueue(Order.objects.create(item="tea").pk)
        shown = self.client.get("/admin/pg_scheduler/job/")
        self.assertContains(shown, "orders.tasks.confirm")
        action = {"action": "cancel_jobs", "_selected_action": result.id}
        self.client.post("/admin/pg_scheduler/job/", action)
        result.refresh()
        assert result.status == "FAILED"
        for page in (f"job/{result.id}/change/", "worker/", "schedule/"):
            assert self.client.get(f"/admin/pg_scheduler/{page}").status_code == 200


class Ordering(TestCase):
    def test_an_order_is_confirmed(self) -> None:
        placed = self.client.get("/orders/?item=coffee").json()
        assert not Order.objects.get(pk=placed["order"]).confirmed
        (ran,) = run_due_jobs()
        assert (ran.task, ran.status) == ("orders.tasks.confirm", "completed")
        assert Order.objects.get(pk=placed["order"]).confirmed
        shown = self.client.get(f"/orders/{placed['order']}/").json()
        assert shown == {"item": "coffee", "confirmed": True, "status": "SUCCESSFUL"}
        assert confirm.get_result(placed["receipt"]).return_value == "confirmed coffee"

    def test_a_refused_order_leaves_no_job(self) -> None:
        self.client.get("/orders/?item=refused")
        assert run_due_jobs() == []

    def test_a_task_that_fails_is_seen(self) -> None:
        order = Order.objects.create(item="nothing")
        result = confirm.enqueue(order.pk)
        (ran,) = run_due_jobs()
        assert ran.status == "pending", "to be tried again, twice"
        result.refresh()
        assert [error.exception_class for error in result.errors] == [OutOfStock]

    def test_async_tasks_run_too(self) -> None:
        order = Order.objects.create(item="tea")
        result = archive.enqueue(order.pk)
        run_due_jobs()
        result.refresh()
        assert (result.return_value, Order.objects.get(pk=order.pk).item) == (1, "archived")
