"""What strangers write, worlds that pass it on, models that obey it, and what must come of that."""
