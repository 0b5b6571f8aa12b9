"""`make run`: all that the dashboard needs on one machine, started, watched and ended together.

Standard library only: it imports neither Django nor Celery, stays small, and outlives them.
One thread: the kernel ends a child with the *thread* that started it, so there must be no other.
"""
