"""The Django app: views, tasks and commands over services over models over authzviz's rooms."""
