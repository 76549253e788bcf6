"""SQLite, or the PostgreSQL whose socket is in the folder that POSTGRES names."""

import os

SECRET_KEY = "of a test"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "bank"]
MIDDLEWARE = ["bank.middleware.SyncMiddleware", "bank.middleware.async_middleware"]
ROOT_URLCONF = "bank.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

if "POSTGRES" in os.environ:
    _database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": os.environ["POSTGRES"],
    }
else:
    _database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}

DATABASES = {"default": _database}
