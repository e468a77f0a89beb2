"""Orders."""

from django.db import models


class Order(models.Model):
    """What somebody wants."""

    item = models.CharField(max_length=100)
    confirmed = models.BooleanField(default=False)
    receipt = models.CharField(max_length=64, blank=True)
