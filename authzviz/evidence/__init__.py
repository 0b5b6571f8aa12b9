"""Log lines -> facts about who was refused what, and why. Pure: reads texts, runs nothing."""
