"""What the bank keeps."""

from django.db import models


class Account(models.Model):
    """Somebody's money."""

    owner = models.CharField(max_length=20, unique=True)
    balance = models.IntegerField(default=0)


class Note(models.Model):
    """What was said of an account."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    text = models.CharField(max_length=80)
