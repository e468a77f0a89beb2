"""The app."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Orders and what is done for them."""

    name = "orders"
    default_auto_field = "django.db.models.AutoField"
