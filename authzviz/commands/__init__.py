"""The commands of authzviz, one file each: read the arguments, call a room, print, exit.

What only one command needs is imported there: start-up time is part of the product.
"""
