"""What a model is trained on: real text and images, languages whose every probability is known, and counting."""
