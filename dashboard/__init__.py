"""The Django app: views, tasks and commands over services over models over the rooms of authzviz."""
