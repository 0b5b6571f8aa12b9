"""The product in Chromium, as a person sees it."""
