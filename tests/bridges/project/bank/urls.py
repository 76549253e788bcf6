"""Where the views are."""

from django.urls import path

from bank import views

urlpatterns = [
    path("balance/<owner>", views.balance),
    path("total", views.total),
    path("move/<giver>/<taker>/<int:amount>", views.move),
    path("move_at_once/<giver>/<taker>/<int:amount>", views.move_at_once),
    path("notes/<owner>", views.Notes.as_view()),
]
