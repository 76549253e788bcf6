"""A Django project: `python manage.py test`. With SIDELOOP=1 its async code runs on sideloop."""

import os
import sys

if os.environ.get("SIDELOOP") == "1":
    from sideloop.compat import asgiref

    asgiref.install()

from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
