"""The training objective: the bound on -log p in discrete time (t = 1..T) and in continuous time (the mask rate)."""
