"""What the fleet and cluster pages show, in words: made from what services.pages hands out."""
